// The way of a command from the door to the log: stamped and proposed here when this member leads,
// forwarded in one message per turn when another does, kept waiting while nobody does. The answer is
// this member's own apply of the entry, so a forwarded proposal needs no reply. What was forwarded to
// us is proposed or refused, never forwarded on (corpus: proxy-loop). Longer than most files, because
// what is known of a request decides what may be told of it, and each state has its way to the next.

import type { MemberId, Proposal, RejectReason } from "@althing/consensus";
import { MemberError, type MemberErrorCode, type ProposeOutcome } from "./contract.ts";
import {
  EnvelopeWriter,
  isEnvelope,
  requestOf,
  sessionOf,
  writeFence,
  writeLeaderTime,
} from "./envelope.ts";
import type { Fences } from "./fences.ts";
import { ForwardedBatches } from "./forwarded.ts";
import { type Pending, PendingTable } from "./pending.ts";
import type { Reads } from "./reads.ts";
import type { RosterChange } from "./roster/records.ts";
import type { Roster } from "./roster/roster.ts";
import type { StatePressure } from "./state-pressure.ts";
import type { Turn } from "./turn.ts";

const FORWARD_BYTES_MAX = 512 * 1024;
const FORWARD_COUNT_MAX = 4096;

export interface ProposalLimits {
  readonly inFlightMax: number;
  readonly requestBytesMax: number;
}

export class Proposals {
  readonly #turn: Turn;
  readonly #reads: Pick<Reads, "read">;
  readonly #pressure: Pick<StatePressure, "isBehind">;
  readonly #fences: Pick<Fences, "stamp">;
  readonly #limits: ProposalLimits;
  readonly #envelopes: EnvelopeWriter;
  readonly #table: PendingTable;
  readonly #forwarded: ForwardedBatches;
  /** Peers that the transport reports as lost: nothing is forwarded into the void. */
  readonly #lost = new Set<MemberId>();
  #fresh: number[] = [];
  /** Those that wait for a leader, in their order, and no other: there may be none for days. */
  readonly #parked = new Set<number>();
  /** The newest time in the log, as far as known: leader time does not go back. */
  #newestTimeMs = 0;
  /** A read asks the leader for what the orphans may be part of. */
  #isAsking = false;

  constructor(
    turn: Turn,
    parts: {
      reads: Pick<Reads, "read">;
      pressure: Pick<StatePressure, "isBehind">;
      fences: Pick<Fences, "stamp">;
    },
    limits: ProposalLimits,
  ) {
    this.#turn = turn;
    this.#reads = parts.reads;
    this.#pressure = parts.pressure;
    this.#fences = parts.fences;
    this.#limits = limits;
    this.#envelopes = new EnvelopeWriter(turn.ports.random);
    this.#table = new PendingTable(limits.inFlightMax);
    this.#forwarded = new ForwardedBatches(turn);
  }

  /** Random per start of this member. */
  get session(): number {
    return this.#envelopes.session;
  }

  get pending(): number {
    return this.#table.count;
  }

  /** Of those, the ones that wait for a leader. */
  get parked(): number {
    return this.#parked.size;
  }

  propose(command: Uint8Array, done: (outcome: ProposeOutcome) => void): void {
    this.#propose(command, false, 0, done);
  }

  proposeChange(
    roster: Roster,
    change: RosterChange,
    done: (outcome: ProposeOutcome) => void,
  ): void {
    this.#propose(roster.encode(change), !roster.isKept, 0, done);
  }

  /**
   * What this member knows as the leader that it is: given to no other leader, and not to itself in
   * another epoch, when it may be wrong.
   */
  proposeAsLeader(command: Uint8Array, done: (outcome: ProposeOutcome) => void): void {
    this.#propose(command, false, this.#turn.leadership.epoch, done);
  }

  #propose(
    command: Uint8Array,
    isRosterChange: boolean,
    onlyEpoch: number,
    done: (outcome: ProposeOutcome) => void,
  ): void {
    if (command.length > this.#limits.requestBytesMax) {
      this.#refuse(done, "tooLarge", `the request exceeds ${this.#limits.requestBytesMax} bytes`);
      return;
    }
    const pending = this.#table.take();
    if (pending === undefined) {
      this.#refuse(done, "overloaded", "too many requests are in flight on this member");
      return;
    }
    pending.done = done;
    pending.onlyEpoch = onlyEpoch;
    pending.state = "fresh";
    pending.payload = this.#envelopes.wrap(pending.request, command, isRosterChange);
    pending.deadlineMs = this.#turn.ports.clock.monotonicMs() + this.#turn.waits.requestMs;
    this.#fresh.push(pending.request);
    if (this.#fresh.length === 1) this.#turn.schedule();
  }

  /** A peer's proposals. They are refused here when this member does not lead. */
  receiveForward(from: MemberId, payloads: readonly Uint8Array[]): void {
    this.#forwarded.receive(from, payloads.filter(isEnvelope));
    this.#turn.schedule();
  }

  /** The leader did not take these: they are in no log and may be sent again. */
  receiveRejected(session: number, requests: readonly number[], reason: string): void {
    if (session !== this.#envelopes.session) return;
    for (const request of requests) {
      const pending = this.#table.find(request);
      if (pending === undefined) continue;
      if (pending.state !== "forwarded" && pending.state !== "orphaned") continue;
      if (reason === "overloaded") this.#failOverloaded(pending);
      else this.#sendAgain(pending);
    }
  }

  /** Steps this turn's batch, own and forwarded, into the core as one input. */
  stepAsLeader(): boolean {
    if (this.#turn.leadership.role !== "leader") return false;
    if (this.#fresh.length === 0 && !this.#forwarded.waiting) return false;
    if (this.#pressure.isBehind) {
      this.#refuseAll();
      return false;
    }
    // A new leader's own fence comes first: until it is in force they wait here, in no log.
    const fence = this.#fences.stamp;
    if (fence === undefined) return false;
    this.#newestTimeMs = Math.max(this.#newestTimeMs, Math.floor(this.#turn.ports.clock.wallMs()));
    const proposals: Proposal[] = [];
    const { epoch } = this.#turn.leadership;
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const request of fresh) {
      const pending = this.#table.find(request);
      if (pending?.state !== "fresh") continue;
      if (pending.onlyEpoch !== 0 && pending.onlyEpoch !== epoch) {
        this.#failMoved(pending);
        continue;
      }
      const payload = pending.payload!;
      writeLeaderTime(payload, this.#newestTimeMs);
      writeFence(payload, fence);
      pending.state = "proposed";
      pending.target = this.#turn.id;
      pending.epoch = epoch;
      proposals.push({ token: request, payload });
    }
    this.#forwarded.take(proposals, this.#newestTimeMs, fence);
    if (proposals.length === 0) return false;
    this.#turn.step({ kind: "propose", proposals });
    return true;
  }

  /** What would be applied would have nowhere to go. */
  #refuseAll(): void {
    this.#forwarded.refuseWaiting("overloaded");
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const request of fresh) {
      const pending = this.#table.find(request);
      if (pending?.state === "fresh") this.#failOverloaded(pending);
    }
  }

  /** After the effects, when it is known who leads: forward, or let it wait for a leader. */
  stepAsFollower(): void {
    const { role, leader, epoch } = this.#turn.leadership;
    if (role === "leader") return;
    this.#forwarded.refuseWaiting("notLeader");
    if (this.#fresh.length === 0) return;
    const fresh = this.#fresh;
    this.#fresh = [];
    const reachable = leader !== undefined && leader !== this.#turn.id && !this.#lost.has(leader);
    let payloads: Uint8Array[] = [];
    let bytes = 0;
    for (const request of fresh) {
      const pending = this.#table.find(request);
      if (pending?.state !== "fresh") continue;
      if (pending.onlyEpoch !== 0) {
        this.#failMoved(pending);
        continue;
      }
      if (!reachable) {
        this.#park(pending);
        continue;
      }
      pending.state = "forwarded";
      pending.target = leader;
      pending.epoch = epoch;
      payloads.push(pending.payload!);
      bytes += pending.payload!.length;
      if (bytes >= FORWARD_BYTES_MAX || payloads.length >= FORWARD_COUNT_MAX) {
        this.#turn.send(leader, { kind: "forward", payloads });
        payloads = [];
        bytes = 0;
      }
    }
    if (leader !== undefined && payloads.length > 0) {
      this.#turn.send(leader, { kind: "forward", payloads });
    }
  }

  /** Sends what was refused in this turn, one message per peer. */
  flushRefusals(): void {
    this.#forwarded.flushRefusals();
  }

  accepted(token: number): void {
    if (token < 0) this.#forwarded.settled(token);
  }

  rejected(token: number, reason: RejectReason): void {
    if (token < 0) {
      this.#forwarded.rejected(token, reason);
      return;
    }
    const pending = this.#table.find(token);
    if (pending === undefined) return;
    if (reason === "leadershipLost" || reason === "timedOut") this.#orphan(pending);
    else if (reason === "overloaded") this.#failOverloaded(pending);
    else this.#sendAgain(pending);
  }

  leadershipChanged(): void {
    const { role, epoch, leader } = this.#turn.leadership;
    if (role !== "leader") this.#forwarded.forget();
    this.#table.forEach((pending) => {
      const stillOurs = role === "leader" && pending.epoch === epoch;
      const stillTheirs = pending.target === leader && pending.epoch === epoch;
      if (pending.state === "proposed" && !stillOurs) this.#orphan(pending);
      else if (pending.state === "forwarded" && !stillTheirs) this.#orphan(pending);
    });
    if (leader === undefined) return;
    this.#unpark();
    this.#askAboutOrphans();
  }

  connected(peer: MemberId): void {
    this.#lost.delete(peer);
    if (peer === this.#turn.leadership.leader) this.#unpark();
  }

  /** A peer that speaks is not lost, whatever was reported. */
  heard(peer: MemberId): void {
    if (this.#lost.size > 0) this.#lost.delete(peer);
  }

  /** What was on the wire may have been lost: it is answered soon, not at its full timeout. */
  disconnected(peer: MemberId): void {
    this.#lost.add(peer);
    this.#table.forEach((pending) => {
      if (pending.state === "forwarded" && pending.target === peer) this.#orphan(pending);
    });
  }

  /** Called for every applied command, in order. */
  applied(envelope: Uint8Array, result: unknown, index: number): void {
    if (sessionOf(envelope) !== this.#envelopes.session) return;
    const pending = this.#table.find(requestOf(envelope));
    if (pending === undefined) return;
    const done = this.#settle(pending);
    this.#turn.guard(() => done({ kind: "applied", result, index }));
  }

  /** Its only entry came after the fence of a later leader: on no member did it do anything. */
  voided(envelope: Uint8Array): void {
    if (sessionOf(envelope) !== this.#envelopes.session) return;
    const pending = this.#table.find(requestOf(envelope));
    if (pending === undefined) return;
    // The bytes are part of the log: the next leader stamps others.
    pending.payload = envelope.slice();
    this.#sendAgain(pending);
  }

  /** At the end of a batch. */
  appliedBatch(leaderTimeMs: number): void {
    this.#newestTimeMs = Math.max(this.#newestTimeMs, leaderTimeMs);
  }

  tick(nowMs: number): void {
    if (this.#table.count === 0) return;
    this.#table.forEach((pending) => {
      if (pending.state === "orphaned" && nowMs >= pending.orphanDeadlineMs) this.#giveUp(pending);
      else if (nowMs >= pending.deadlineMs) this.#giveUp(pending);
    });
    if (this.#turn.leadership.leader !== undefined) this.#unpark();
  }

  /** Answers everybody: this member serves no more. */
  failAll(code: MemberErrorCode, message: string): void {
    this.#table.forEach((pending) => {
      const untouched = pending.state === "fresh" || pending.state === "parked";
      this.#fail(pending, code, untouched ? "notExecuted" : "unknown", message);
    });
    this.#fresh = [];
    this.#parked.clear();
  }

  /**
   * It is certainly in no log. To a leader that it was not sent to yet it goes at once, else it waits
   * for the next tick or leader: never back and forth within a turn.
   */
  #sendAgain(pending: Pending): void {
    if (pending.onlyEpoch !== 0) {
      this.#failMoved(pending);
      return;
    }
    const { leader } = this.#turn.leadership;
    if (leader === undefined || leader === pending.target) {
      this.#park(pending);
      return;
    }
    pending.state = "fresh";
    this.#fresh.push(pending.request);
    this.#turn.schedule();
  }

  #park(pending: Pending): void {
    pending.state = "parked";
    this.#parked.add(pending.request);
  }

  #unpark(): void {
    if (this.#parked.size === 0) return;
    for (const request of this.#parked) {
      this.#table.find(request)!.state = "fresh";
      this.#fresh.push(request);
    }
    this.#parked.clear();
    this.#turn.schedule();
  }

  #orphan(pending: Pending): void {
    pending.state = "orphaned";
    pending.orphanDeadlineMs = this.#turn.ports.clock.monotonicMs() + this.#turn.waits.electionMs;
    this.#askAboutOrphans();
  }

  /**
   * What an earlier leader proposed, its successor may have taken over. A linearizable read asks the
   * successor: it answers when all that it took over is committed, and the read is released when that is
   * applied here. What is orphaned even then comes no more: what a later leader of Paxos may still find
   * in some acceptor is void (fences.ts).
   */
  #askAboutOrphans(): void {
    if (this.#isAsking) return;
    const { leader, epoch } = this.#turn.leadership;
    const isEarlier = ({ state, epoch: given, target }: Pending) =>
      state === "orphaned" && (given < epoch || (given === epoch && target !== leader));
    if (leader === undefined || !this.#table.some(isEarlier)) return;
    this.#isAsking = true;
    this.#reads.read((error) => {
      this.#isAsking = false;
      if (error !== undefined) return;
      this.#table.forEach((pending) => {
        if (isEarlier(pending)) this.#giveUp(pending);
      });
      this.#askAboutOrphans();
    });
  }

  #giveUp(pending: Pending): void {
    if (pending.state === "orphaned") {
      const message =
        "the leader changed while the request was under way; it may have taken effect";
      this.#fail(pending, "leaderChanged", "unknown", message);
    } else if (pending.state === "proposed" || pending.state === "forwarded") {
      this.#fail(pending, "timedOut", "unknown", "no answer in time; it may have taken effect");
    } else if (this.#turn.leadership.leader === undefined) {
      this.#fail(pending, "noLeader", "notExecuted", "no leader was found in time");
    } else {
      this.#fail(pending, "timedOut", "notExecuted", "the leader did not take the request in time");
    }
  }

  #failMoved(pending: Pending): void {
    this.#fail(pending, "leaderChanged", "notExecuted", "this member leads no more");
  }

  #failOverloaded(pending: Pending): void {
    this.#fail(pending, "overloaded", "notExecuted", "the leader has too much work in flight");
  }

  #fail(
    pending: Pending,
    code: MemberErrorCode,
    outcome: "notExecuted" | "unknown",
    message: string,
  ): void {
    const done = this.#settle(pending);
    const error = new MemberError(code, outcome, message);
    this.#turn.guard(() => done({ kind: "failed", error }));
  }

  #settle(pending: Pending): (outcome: ProposeOutcome) => void {
    if (pending.state === "parked") this.#parked.delete(pending.request);
    return this.#table.settle(pending)!;
  }

  /** Never in the caller's own stack. */
  #refuse(done: (outcome: ProposeOutcome) => void, code: MemberErrorCode, message: string): void {
    const error = new MemberError(code, "notExecuted", message);
    this.#turn.ports.clock.soon(() => this.#turn.guard(() => done({ kind: "failed", error })));
  }
}
