// The state of one Raft member, as plain data: every concern (a file each) reads it and changes its
// own part. What must survive a crash is `term`, `vote` and the log; the rest is rebuilt.

import { assert } from "../assert.ts";
import type {
  CoreOptions,
  Epoch,
  Index,
  MemberId,
  Membership,
  Restored,
  Token,
} from "../contract.ts";
import { type Settings, settingsOf } from "../core/settings.ts";
import { Entries } from "../entries/entries.ts";
import type { Installing } from "../installing/installing.ts";
import { decodeMembershipEntry } from "../membership/codec.ts";
import { createLogOutbox } from "../outbox/log-writes.ts";
import type { ForwardedReads } from "../reads/forwarded-reads.ts";
import { ElectionTimer } from "../timer/election-timer.ts";
import type { RaftState } from "./durable-state.ts";
import type { Leadership } from "./leadership.ts";
import type { Outbox } from "./outbox.ts";

export type RaftRole = "follower" | "preCandidate" | "candidate" | "leader";

/** A membership takes effect where it stands in the log, committed or not (Raft §6). */
export interface MembershipAt {
  readonly index: Index;
  readonly membership: Membership;
}

/** Leadership that was asked to move. It outlives the role of the one who was asked. */
export interface Transfer {
  readonly to: MemberId;
  readonly token: Token | undefined;
  /** Give leadership up even when the transfer fails. */
  readonly thenStepDown: boolean;
  /** Those that it was in vain to wait for. */
  readonly tried: readonly MemberId[];
  /** What the other one held when the present wait began. */
  readonly matchBefore: Index;
  ticksLeft: number;
  timeoutNowSent: boolean;
}

export interface Raft {
  readonly settings: Settings;
  readonly timer: ElectionTimer;
  readonly log: Entries;
  readonly outbox: Outbox;
  term: Epoch;
  /** Whom this member voted for in `term`; "" for nobody yet. */
  vote: MemberId;
  role: RaftRole;
  leader: MemberId | undefined;
  /** Exactly while the role is leader. */
  leadership: Leadership | undefined;
  /** Ascending by index; the first is in force at the base of the log, the last one now. */
  memberships: MembershipAt[];
  /** Invariant: appliedIndex <= applySentIndex <= min(commitIndex, durableIndex). */
  commitIndex: Index;
  /** Entries up to here are on this member's disk, as they stand in its log. */
  durableIndex: Index;
  applySentIndex: Index;
  appliedIndex: Index;
  ticksSinceHeard: number;
  /** The leader's connection broke and nothing was heard from it since. */
  leaderHungUp: boolean;
  /** Until then this member votes for nobody. Kept only for lease reads. */
  promiseUntilMs: number;
  /** May lead: see the input of that name. */
  isFit: boolean;
  nowMs: number;
  /** Answers in the (pre-)vote under way. */
  readonly votes: Map<MemberId, boolean>;
  /** Candidate: the leader before asked for it, so voters need not be loyal to it. */
  standsByTransfer: boolean;
  /** The persist effect that carries this candidate's own vote; it counts once durable. */
  ownVoteSequence: number | undefined;
  /** Ticks since this pre-candidate began to campaign. */
  ticksCampaigning: number;
  transfer: Transfer | undefined;
  /** Asked in this turn, not yet sent to the leader. */
  readsToForward: Token[];
  readonly readsForwarded: Map<number, ForwardedReads>;
  nextReadRequest: number;
  /** A snapshot that is to replace the log and is not in place yet. */
  installing: Installing | undefined;
}

export function createRaft(options: CoreOptions, restored: Restored<RaftState>): Raft {
  const settings = settingsOf(options);
  const { base, entries, state } = restored;
  const log = new Entries(base.index, base.epoch, entries);
  const memberships: MembershipAt[] = [{ index: base.index, membership: base.membership }];
  for (const entry of entries) {
    if (entry.kind !== "membership") continue;
    const { membership } = decodeMembershipEntry(entry.payload);
    memberships.push({ index: entry.index, membership });
  }
  assert(restored.applied >= base.index, "what is compacted was applied");
  assert(restored.applied <= log.lastIndex, "what was applied stands in the log");
  // A log may be ahead of the state when a crash left a prefix of the last write.
  const ahead = state === undefined || log.lastEpoch > state.term;
  const term = ahead ? log.lastEpoch : state.term;
  const commit = Math.min(Math.max(state?.commit ?? 0, restored.applied), log.lastIndex);
  const timer = new ElectionTimer(settings.electionTicks, options.random);
  const { voters, votersOutgoing } = memberships[memberships.length - 1]!.membership;
  const isAlone = voters.length === 1 && voters[0] === settings.id && votersOutgoing.length === 0;
  if (isAlone) timer.hurry(0);
  return {
    settings,
    timer,
    log,
    outbox: createLogOutbox(term, log.lastIndex, commit, state !== undefined),
    term,
    vote: ahead ? "" : state.vote,
    role: "follower",
    leader: undefined,
    leadership: undefined,
    memberships,
    commitIndex: commit,
    durableIndex: log.lastIndex,
    applySentIndex: restored.applied,
    appliedIndex: restored.applied,
    ticksSinceHeard: 0,
    leaderHungUp: false,
    // A restart forgets what was promised, so everything is taken as promised: see `step`.
    // Also when it is the only voter: a leader that it voted out may not know yet.
    promiseUntilMs: settings.leaseReads && state !== undefined ? Number.POSITIVE_INFINITY : 0,
    isFit: true,
    nowMs: 0,
    votes: new Map(),
    standsByTransfer: false,
    ownVoteSequence: undefined,
    ticksCampaigning: 0,
    transfer: undefined,
    readsToForward: [],
    readsForwarded: new Map(),
    // Random, so that an answer meant for the member before its crash matches nothing.
    nextReadRequest: Math.floor(options.random() * 2 ** 32) * 2 ** 20,
    installing: undefined,
  };
}

/** The membership in force: the last in the log. */
export function membership(raft: Raft): Membership {
  return raft.memberships[raft.memberships.length - 1]!.membership;
}

/** Where the membership in force stands in the log. */
export function membershipIndex(raft: Raft): Index {
  return raft.memberships[raft.memberships.length - 1]!.index;
}
