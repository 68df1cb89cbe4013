// When leases end. The leader alone counts, and only time in which it could have heard from the holders:
// a process that was stopped, or a loop that was held up, expires nothing for it (corpus 60). Before it
// answers for a lease it confirms that it still leads. A new leader begins to count when it has applied
// all that its predecessors wrote, and gives every lease the rest that the log tells of and the time of
// an election. The end itself is a revoke in the log, like any other, but proposed by this leadership or not at
// all: a later leader may have kept the lease alive. Members that do not lead ask the one that does.

import type { MemberId } from "@althing/consensus";
import {
  encodeCommand,
  type LeaseChange,
  type LeaseEnd,
  type LeaseReads,
  type Store,
} from "@althing/store";
import { MemberError, type MemberErrorCode } from "./contract.ts";
import { Deadlines } from "./deadlines.ts";
import { LeaseCheckpoints } from "./lease-checkpoints.ts";
import type { PeerMessage } from "./ports.ts";
import type { Proposals } from "./proposals.ts";
import type { Reads } from "./reads.ts";
import type { Turn } from "./turn.ts";

type Done = (error: MemberError | undefined, leftMs: number | undefined) => void;
type Message<Kind extends PeerMessage["kind"]> = Extract<PeerMessage, { kind: Kind }>;
/** A code: nothing was done. */
type Answer = (code: string, leftMs: number | undefined) => void;

interface Asked {
  readonly lease: bigint;
  readonly renew: boolean;
  readonly done: Done;
  readonly deadlineMs: number;
  /** When the present attempt is given up; 0: none is under way. */
  waitMs: number;
}

const CHECK_EVERY_MS = 500;
/** Between two checks: leases that end all at once must leave room for everything else. */
const REVOKES_MAX = 500;
const ASKED_MAX = 2 ** 16;
/** Some milliseconds. */
const COUNTED_AT_ONCE = 2000;

export class Lessor {
  readonly counts = { granted: 0, revoked: 0, renewed: 0, expired: 0 };
  readonly #turn: Turn;
  readonly #store: Store & Partial<LeaseReads>;
  readonly #proposals: Proposals;
  readonly #reads: Reads;
  /** Milliseconds that this member was there to listen, at the last tick. */
  #timeMs = 0;
  #lastTickMs: number;
  #nextCheckMs = 0;
  /** Leader only: by `#timeMs`, without those that are being revoked. */
  readonly #ends = new Deadlines();
  readonly #checkpoints: LeaseCheckpoints;
  #leads = false;
  /** What is answered to a question of another epoch says nothing of this one. */
  #epoch = 0;
  /** As the leader, with everything applied that was written before. */
  #counts = false;
  #isBeginning = false;
  /** As the leader that begins to count: those that have not had their turn. */
  #uncounted: bigint[] | undefined;
  /** Being revoked because they ended, and who waits to hear of it. */
  readonly #ending = new Map<bigint, ((code: string) => void)[]>();
  /** How many of them may be: as many as there was room for among the proposals, and one more to try. */
  #endingMax = REVOKES_MAX;
  #endedSinceCheck = 0;
  readonly #asked = new Map<number, Asked>();
  #nextRequest = 1;

  constructor(
    turn: Turn,
    parts: {
      store: Store & Partial<LeaseReads>;
      proposals: Proposals;
      reads: Reads;
      checkpointMs: number;
    },
  ) {
    this.#turn = turn;
    this.#store = parts.store;
    this.#proposals = parts.proposals;
    this.#reads = parts.reads;
    this.#lastTickMs = turn.ports.clock.monotonicMs();
    this.#checkpoints = new LeaseCheckpoints(turn, {
      proposals: parts.proposals,
      store: parts.store,
      everyMs: parts.checkpointMs,
      endOf: (lease) => this.#ends.at(lease),
    });
    parts.store.observeLeases?.((change) => this.#observe(change));
  }

  /** What was done to keep leases in order, for tests of the cost. */
  get steps(): number {
    return this.#ends.steps + this.#checkpoints.steps;
  }

  /** What this member does not count goes by what the log tells. */
  leaseEnds(): readonly LeaseEnd[] {
    if (!this.#counts) return this.#store.leaseEnds?.() ?? [];
    const ends: LeaseEnd[] = [];
    for (const lease of this.#ending.keys()) ends.push({ lease, endMs: 0 });
    this.#ends.forEach((lease, endMs) => {
      ends.push({ lease, endMs });
    });
    return ends.filter(({ lease }) => this.#store.lease?.(lease) !== undefined);
  }

  ask(lease: bigint, renew: boolean, done: Done): void {
    if (this.#asked.size >= ASKED_MAX) {
      const error = new MemberError("overloaded", "notExecuted", "too many leases are asked for");
      this.#turn.ports.clock.soon(() => this.#turn.guard(() => done(error, undefined)));
      return;
    }
    const nowMs = this.#turn.ports.clock.monotonicMs();
    const deadlineMs = nowMs + this.#turn.waits.requestMs;
    const asked = { lease, renew, done, deadlineMs, waitMs: 0 };
    const request = this.#nextRequest++;
    this.#asked.set(request, asked);
    this.#try(request, asked, nowMs);
  }

  receiveAsk(from: MemberId, { session, request, lease, renew }: Message<"leaseAsk">): void {
    this.#serve(lease, renew, (code, leftMs) => {
      const left = leftMs === undefined ? 0 : Math.floor(leftMs) + 1;
      this.#turn.send(from, { kind: "leaseAnswer", session, request, code, left });
    });
  }

  receiveAnswer({ session, request, code, left }: Message<"leaseAnswer">): void {
    if (session !== this.#proposals.session) return;
    this.#answered(request, code, left === 0 ? undefined : left - 1);
  }

  leadershipChanged(): void {
    const { role, epoch } = this.#turn.leadership;
    const leads = role === "leader";
    if (leads !== this.#leads || epoch !== this.#epoch) {
      this.#leads = leads;
      this.#epoch = epoch;
      this.#endAnew();
    }
    // Asking is always safe to repeat, and whoever was asked may be gone.
    for (const asked of this.#asked.values()) asked.waitMs = 0;
  }

  tick(nowMs: number): void {
    this.#timeMs += this.#heardMs(nowMs);
    this.#lastTickMs = nowMs;
    for (const [request, asked] of [...this.#asked]) {
      if (asked.waitMs > 0 && nowMs >= asked.waitMs) asked.waitMs = 0;
      if (nowMs >= asked.deadlineMs) {
        const leaderless = this.#turn.leadership.leader === undefined;
        this.#fail(request, asked, leaderless ? "noLeader" : "timedOut", "no leader answered");
      } else if (asked.waitMs === 0) this.#try(request, asked, nowMs);
    }
    if (!this.#leads) return;
    if (!this.#counts) this.#begin();
    if (!this.#counts || this.#timeMs < this.#nextCheckMs) return;
    this.#nextCheckMs = this.#timeMs + CHECK_EVERY_MS;
    this.#endedSinceCheck = 0;
    this.#endDue();
    this.#checkpoints.tick(this.#presentMs());
  }

  /** As many as there is room for. Those that are left follow when one of them is gone, or at the next check. */
  #endDue(): void {
    const endingMax = Math.min(this.#endingMax, REVOKES_MAX - this.#endedSinceCheck);
    while (this.#counts && this.#ending.size < endingMax) {
      const next = this.#ends.first();
      if (next === undefined || next.atMs > this.#timeMs) return;
      this.#end(next.id);
    }
  }

  /** A whole TTL runs from now on, not from the last tick. */
  #presentMs(): number {
    return this.#timeMs + this.#heardMs(this.#turn.ports.clock.monotonicMs());
  }

  /** Since the last tick. One that comes late says that nobody was heard meanwhile. */
  #heardMs(nowMs: number): number {
    return Math.min(nowMs - this.#lastTickMs, 4 * this.#turn.waits.tickMs);
  }

  failAll(code: MemberErrorCode, message: string): void {
    for (const [request, asked] of [...this.#asked]) this.#fail(request, asked, code, message);
  }

  #try(request: number, asked: Asked, nowMs: number): void {
    const { role, leader } = this.#turn.leadership;
    if (leader === undefined) return;
    asked.waitMs = nowMs + this.#turn.waits.electionMs;
    const { lease, renew } = asked;
    if (role === "leader") {
      this.#serve(lease, renew, (code, leftMs) => this.#answered(request, code, leftMs));
      return;
    }
    const { session } = this.#proposals;
    this.#turn.send(leader, { kind: "leaseAsk", session, request, lease, renew });
  }

  #answered(request: number, code: string, leftMs: number | undefined): void {
    const asked = this.#asked.get(request);
    // Who refused will not do better within this turn: the next tick asks again.
    if (asked === undefined || code !== "") return;
    this.#asked.delete(request);
    this.#turn.guard(() => asked.done(undefined, leftMs));
  }

  /** As the leader: only after a quorum has said that it still is. */
  #serve(lease: bigint, renew: boolean, answer: Answer): void {
    if (!this.#leads) {
      answer("notLeader", undefined);
      return;
    }
    const epoch = this.#epoch;
    this.#reads.read((error) => {
      const stillLeads = this.#leads && epoch === this.#epoch;
      if (error !== undefined || !stillLeads) answer(error?.code ?? "notLeader", undefined);
      else this.#serveConfirmed(lease, renew, answer);
    });
  }

  #serveConfirmed(lease: bigint, renew: boolean, answer: Answer): void {
    this.#beginCounting();
    const state = this.#store.lease?.(lease);
    if (state === undefined) {
      answer("", undefined);
      return;
    }
    if (!this.#counts) this.#count(lease);
    const endMs = this.#ends.at(lease) ?? Number.NEGATIVE_INFINITY;
    const isOver = endMs <= this.#timeMs;
    const ttlMs = state.ttlSeconds * 1000;
    if (!renew) answer("", Math.min(Math.max(0, endMs - this.#presentMs()), ttlMs));
    else if (isOver) {
      // It has ended and is not gone yet: its holder hears of it when it is.
      this.#end(lease);
      this.#ending.get(lease)!.push((code) => {
        if (code === "") this.#serve(lease, renew, answer);
        else answer(code, undefined);
      });
    } else {
      const mustClear = this.#checkpoints.mustClear(state);
      this.#setEnd(lease, ttlMs);
      this.counts.renewed++;
      if (!mustClear) {
        answer("", ttlMs);
        return;
      }
      this.#checkpoints.clear(lease, (code) => {
        if (code !== "") answer(code, undefined);
        // Revoked meanwhile, it is gone.
        else if (this.#store.lease?.(lease) === undefined) answer("", undefined);
        // Whoever does not count its time any more, because another leads, cannot keep it alive.
        else if (this.#ends.at(lease) === undefined) answer("notLeader", undefined);
        else {
          // What the holder is told runs from here.
          this.#setEnd(lease, ttlMs);
          answer("", ttlMs);
        }
      });
    }
  }

  #end(lease: bigint): void {
    if (this.#ending.has(lease)) return;
    this.#ending.set(lease, []);
    this.#ends.delete(lease);
    this.#checkpoints.forget(lease);
    this.#turn.observe({ kind: "lease.expired", level: "debug", lease: String(lease) });
    const command = encodeCommand({ kind: "leaseRevoke", lease });
    this.#proposals.proposeAsLeader(command, (outcome) => {
      // Still there: the log did not take it, and the next check tries again. Who waits is told so, and
      // asks again later: at once, it would only be refused again, in the same turn and for ever.
      if (this.#ending.has(lease)) this.#ends.set(lease, this.#timeMs);
      this.#ended(lease, outcome.kind === "failed" ? outcome.error.code : "");
      if (outcome.kind === "failed") this.#endingMax = Math.max(1, this.#ending.size);
    });
  }

  /** One that was being revoked is gone: there is room for the next. */
  #endedBySelf(): void {
    this.counts.expired++;
    this.#endingMax = Math.min(this.#endingMax + 1, REVOKES_MAX);
    this.#endedSinceCheck++;
    this.#turn.ports.clock.soon(() => this.#turn.guard(() => this.#endDue()));
  }

  #ended(lease: bigint, code: string): void {
    const waiting = this.#ending.get(lease) ?? [];
    this.#ending.delete(lease);
    for (const tell of waiting) tell(code);
  }

  #observe(change: LeaseChange): void {
    if (change.kind === "granted") this.counts.granted++;
    else if (change.kind === "revoked") this.counts.revoked++;
    if (change.kind === "replaced") this.#endAnew();
    else if (change.kind === "revoked") {
      this.#ends.delete(change.lease);
      this.#checkpoints.forget(change.lease);
      if (this.#ending.has(change.lease)) this.#endedBySelf();
      this.#ended(change.lease, "");
    } else if (change.kind === "checkpoint") this.#checkpoints.applied(change.state);
    else if (this.#counts || this.#uncounted !== undefined)
      this.#setEnd(change.state.lease, change.state.ttlSeconds * 1000);
  }

  #setEnd(lease: bigint, leftMs: number): void {
    const presentMs = this.#presentMs();
    this.#ends.set(lease, presentMs + leftMs);
    this.#checkpoints.endSet(lease, leftMs, presentMs);
  }

  #endAnew(): void {
    this.#counts = false;
    this.#uncounted = undefined;
    this.#ends.clear();
    this.#ending.clear();
    this.#checkpoints.forgetAll();
  }

  /** The read is answered when all that was written before this leadership is applied here. */
  #begin(): void {
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    const epoch = this.#epoch;
    this.#reads.read((error) => {
      this.#isBeginning = false;
      if (error === undefined && this.#leads && epoch === this.#epoch) this.#beginCounting();
    });
  }

  /** In steps: half a million leases would keep a new leader from its first heartbeats for a second. */
  #beginCounting(): void {
    if (this.#counts || this.#uncounted !== undefined) return;
    const uncounted = (this.#store.leaseEnds?.() ?? []).map(({ lease }) => lease);
    this.#uncounted = uncounted;
    const step = (): void => {
      // Leadership, or the state as a whole, is another one by now.
      if (this.#uncounted !== uncounted) return;
      for (const lease of uncounted.splice(-COUNTED_AT_ONCE)) this.#count(lease);
      if (uncounted.length > 0) {
        this.#turn.ports.clock.soon(() => this.#turn.guard(step));
        return;
      }
      this.#uncounted = undefined;
      this.#counts = true;
    };
    step();
  }

  /** Unless it was asked for, or granted, before its turn came. */
  #count(lease: bigint): void {
    if (this.#ends.at(lease) !== undefined || this.#ending.has(lease)) return;
    const state = this.#store.lease?.(lease);
    if (state === undefined) return;
    this.#setEnd(lease, state.remainingSeconds * 1000 + this.#turn.waits.electionMs);
  }

  #fail(request: number, asked: Asked, code: MemberErrorCode, message: string): void {
    this.#asked.delete(request);
    const error = new MemberError(code, "notExecuted", message);
    this.#turn.guard(() => asked.done(error, undefined));
  }
}
