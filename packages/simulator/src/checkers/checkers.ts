// All checkers of one run, together.

import type { Core } from "@althing/consensus";
import { Reference } from "../observe/reference.ts";
import { AcceptorClaims } from "./acceptor-claims.ts";
import { AdoptedValue } from "./adopted-value.ts";
import { AfterCrash } from "./after-crash.ts";
import { CommitQuorum, type Holders } from "./commit-quorum.ts";
import { CommitRule } from "./commit-rule.ts";
import { Durability } from "./durability.ts";
import { ElectionSafety } from "./election-safety.ts";
import { EligibleLeader } from "./eligible-leader.ts";
import { HistoryClaims } from "./history-claims.ts";
import { HistoryReads } from "./history-reads.ts";
import { LeaderCompleteness } from "./leader-completeness.ts";
import { LeaseTime } from "./lease-time.ts";
import { LogMatching } from "./log-matching.ts";
import { MonotonicCommit } from "./monotonic-commit.ts";
import { PaxosSafety } from "./paxos-safety.ts";
import { ReadIndex } from "./read-index.ts";
import { Rights } from "./rights.ts";
import { SessionGuarantees } from "./session-guarantees.ts";
import { StateHash } from "./state-hash.ts";
import { StateMachineSafety } from "./state-machine-safety.ts";
import { SuccessionOrder } from "./succession.ts";
import { ToldAfterDurable } from "./told-after-durable.ts";
import type { Verdicts } from "./verdicts.ts";

export class Checkers {
  readonly verdicts: Verdicts;
  readonly elections: ElectionSafety;
  readonly eligible: EligibleLeader;
  readonly logs: LogMatching;
  readonly leaders: LeaderCompleteness;
  readonly machine: StateMachineSafety;
  readonly commit: MonotonicCommit;
  readonly commitRule: CommitRule;
  readonly durability: Durability;
  readonly afterCrash: AfterCrash;
  readonly told: ToldAfterDurable | AcceptorClaims | HistoryClaims;
  readonly paxos: PaxosSafety;
  readonly adopted: AdoptedValue;
  readonly commitQuorum: CommitQuorum;
  readonly reads: ReadIndex;
  readonly stateHash: StateHash;
  readonly reference: Reference;
  readonly sessions: SessionGuarantees;
  readonly leases: LeaseTime;
  readonly succession: SuccessionOrder;
  readonly history: HistoryReads;
  readonly rights: Rights;

  constructor(
    verdicts: Verdicts,
    protocol: string,
    describeState: (state: unknown) => string,
    holders: Holders,
    /** How many voters a choice needs, when it is not a majority. */
    acceptQuorum?: number,
    time: { readonly now: () => number; readonly clockSkew: number } = {
      now: () => 0,
      clockSkew: 0,
    },
  ) {
    this.verdicts = verdicts;
    this.elections = new ElectionSafety(verdicts, protocol);
    this.eligible = new EligibleLeader(verdicts);
    this.logs = new LogMatching(verdicts, protocol);
    this.leaders = new LeaderCompleteness(verdicts, protocol);
    this.machine = new StateMachineSafety(verdicts, protocol);
    this.commit = new MonotonicCommit(verdicts);
    this.commitRule = new CommitRule(verdicts, protocol);
    this.durability = new Durability(verdicts, describeState, protocol);
    this.afterCrash = new AfterCrash(verdicts, protocol, this.durability, this.machine);
    this.told = claimsOf(protocol, verdicts, this.durability);
    this.paxos = new PaxosSafety(verdicts, protocol);
    this.adopted = new AdoptedValue(verdicts, protocol);
    this.commitQuorum = new CommitQuorum(
      verdicts,
      this.durability,
      holders,
      acceptQuorum,
      protocol,
    );
    this.reads = new ReadIndex(verdicts);
    this.stateHash = new StateHash(verdicts);
    this.reference = new Reference(verdicts);
    this.sessions = new SessionGuarantees(verdicts, this.reference);
    this.leases = new LeaseTime(verdicts, this.reference, time.now, time.clockSkew);
    this.succession = new SuccessionOrder(verdicts, this.reference, time.now);
    this.history = new HistoryReads(verdicts, this.reference);
    this.rights = new Rights(verdicts, this.reference);
  }

  becameLeader(member: string, epoch: number, core: Core<unknown, unknown>): void {
    this.elections.becameLeader(member, epoch);
    this.commitRule.becameLeader(member, core);
    this.leaders.becameLeader(member, epoch, core, this.machine.committed);
  }
}

function claimsOf(protocol: string, verdicts: Verdicts, durability: Durability): Checkers["told"] {
  if (protocol === "paxos") return new AcceptorClaims(verdicts, durability);
  if (protocol === "zab") return new HistoryClaims(verdicts, durability);
  return new ToldAfterDurable(verdicts, durability);
}
