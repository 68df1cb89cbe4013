// When leases end. The leader alone counts, and only time in which it could have heard from the holders:
// a process that was stopped, or a loop that was held up, expires nothing for it (corpus 60). Before it
// answers for a lease it confirms that it still leads. A new leader begins to count when it has applied
// all that its predecessors wrote, and gives every lease the rest that the log tells of and the time of
// an election. The end itself is a revoke in the log, like any other, but proposed by this leadership or not at
// all: a later leader may have kept the lease alive. Members that do not lead ask the one that does.

import type { MemberId } from "@althing/consensus";
import { MemberError, type MemberErrorCode, type StewardHost } from "@althing/member";
import {
  encodeCommand,
  type LeaseChange,
  type LeaseEnd,
  type LeaseReads,
  type Result,
} from "@althing/store";
import { Deadlines } from "./deadlines.ts";
import { LeaseCheckpoints } from "./lease-checkpoints.ts";
import {
  decodeLeaseMessage,
  encodeLeaseMessage,
  type LeaseAnswer,
  type LeaseAsk,
} from "./lease-messages.ts";

type Done = (error: MemberError | undefined, leftMs: number | undefined) => void;
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
  readonly #host: StewardHost<Result>;
  readonly #store: LeaseReads;
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

  constructor(host: StewardHost<Result>, store: LeaseReads, checkpointMs: number) {
    this.#host = host;
    this.#store = store;
    this.#lastTickMs = host.clock.monotonicMs();
    this.#checkpoints = new LeaseCheckpoints(host, {
      store,
      everyMs: checkpointMs,
      endOf: (lease) => this.#ends.at(lease),
    });
    store.observeLeases((change) => this.#observe(change));
  }

  /** What was done to keep leases in order, for tests of the cost. */
  get steps(): number {
    return this.#ends.steps + this.#checkpoints.steps;
  }

  /** What this member does not count goes by what the log tells. */
  ends(): readonly LeaseEnd[] {
    if (!this.#counts) return this.#store.leaseEnds();
    const ends: LeaseEnd[] = [];
    for (const lease of this.#ending.keys()) ends.push({ lease, endMs: 0 });
    this.#ends.forEach((lease, endMs) => {
      ends.push({ lease, endMs });
    });
    return ends.filter(({ lease }) => this.#store.lease(lease) !== undefined);
  }

  ask(lease: bigint, renew: boolean, done: Done): void {
    const refusal = this.#host.refusal() ?? (this.#asked.size >= ASKED_MAX ? tooMany() : undefined);
    if (refusal !== undefined) {
      this.#host.clock.soon(() => this.#host.guard(() => done(refusal, undefined)));
      return;
    }
    const nowMs = this.#host.clock.monotonicMs();
    const deadlineMs = nowMs + this.#host.waits.requestMs;
    const asked = { lease, renew, done, deadlineMs, waitMs: 0 };
    const request = this.#nextRequest++;
    this.#asked.set(request, asked);
    this.#try(request, asked, nowMs);
  }

  /** What is no message about leases, or one of a later version, is not answered. */
  receive(from: MemberId, bytes: Uint8Array): void {
    const message = decodeLeaseMessage(bytes);
    if (message?.kind === "leaseAsk") this.#receiveAsk(from, message);
    else if (message !== undefined) this.#receiveAnswer(message);
  }

  leadershipChanged(): void {
    const { role, epoch } = this.#host.leadership;
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
        const leaderless = this.#host.leadership.leader === undefined;
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
    return this.#timeMs + this.#heardMs(this.#host.clock.monotonicMs());
  }

  /** Since the last tick. One that comes late says that nobody was heard meanwhile. */
  #heardMs(nowMs: number): number {
    return Math.min(nowMs - this.#lastTickMs, 4 * this.#host.waits.tickMs);
  }

  #receiveAsk(from: MemberId, { session, request, lease, renew }: LeaseAsk): void {
    this.#serve(lease, renew, (code, leftMs) => {
      const left = leftMs === undefined ? 0 : Math.floor(leftMs) + 1;
      const answer = { kind: "leaseAnswer", session, request, code, left } as const;
      this.#host.send(from, encodeLeaseMessage(answer));
    });
  }

  #receiveAnswer({ session, request, code, left }: LeaseAnswer): void {
    if (session !== this.#host.session) return;
    this.#answered(request, code, left === 0 ? undefined : left - 1);
  }

  failAll(code: MemberErrorCode, message: string): void {
    for (const [request, asked] of [...this.#asked]) this.#fail(request, asked, code, message);
  }

  #try(request: number, asked: Asked, nowMs: number): void {
    const { role, leader } = this.#host.leadership;
    if (leader === undefined) return;
    asked.waitMs = nowMs + this.#host.waits.electionMs;
    const { lease, renew } = asked;
    if (role === "leader") {
      this.#serve(lease, renew, (code, leftMs) => this.#answered(request, code, leftMs));
      return;
    }
    const { session } = this.#host;
    const message = { kind: "leaseAsk", session, request, lease, renew } as const;
    this.#host.send(leader, encodeLeaseMessage(message));
  }

  #answered(request: number, code: string, leftMs: number | undefined): void {
    const asked = this.#asked.get(request);
    // Who refused will not do better within this turn: the next tick asks again.
    if (asked === undefined || code !== "") return;
    this.#asked.delete(request);
    this.#host.guard(() => asked.done(undefined, leftMs));
  }

  /** As the leader: only after a quorum has said that it still is. */
  #serve(lease: bigint, renew: boolean, answer: Answer): void {
    if (!this.#leads) {
      answer("notLeader", undefined);
      return;
    }
    const epoch = this.#epoch;
    this.#host.read((error) => {
      const stillLeads = this.#leads && epoch === this.#epoch;
      if (error !== undefined || !stillLeads) answer(error?.code ?? "notLeader", undefined);
      else this.#serveConfirmed(lease, renew, answer);
    });
  }

  #serveConfirmed(lease: bigint, renew: boolean, answer: Answer): void {
    this.#beginCounting();
    const state = this.#store.lease(lease);
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
        else if (this.#store.lease(lease) === undefined) answer("", undefined);
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
    this.#host.observe({ kind: "lease.expired", level: "debug", lease: String(lease) });
    const command = encodeCommand({ kind: "leaseRevoke", lease });
    this.#host.proposeAsLeader(command, (outcome) => {
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
    this.#host.clock.soon(() => this.#host.guard(() => this.#endDue()));
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
    this.#host.read((error) => {
      this.#isBeginning = false;
      if (error === undefined && this.#leads && epoch === this.#epoch) this.#beginCounting();
    });
  }

  /** In steps: half a million leases would keep a new leader from its first heartbeats for a second. */
  #beginCounting(): void {
    if (this.#counts || this.#uncounted !== undefined) return;
    const uncounted = this.#store.leaseEnds().map(({ lease }) => lease);
    this.#uncounted = uncounted;
    const step = (): void => {
      // Leadership, or the state as a whole, is another one by now.
      if (this.#uncounted !== uncounted) return;
      for (const lease of uncounted.splice(-COUNTED_AT_ONCE)) this.#count(lease);
      if (uncounted.length > 0) {
        this.#host.clock.soon(() => this.#host.guard(step));
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
    const state = this.#store.lease(lease);
    if (state === undefined) return;
    this.#setEnd(lease, state.remainingSeconds * 1000 + this.#host.waits.electionMs);
  }

  #fail(request: number, asked: Asked, code: MemberErrorCode, message: string): void {
    this.#asked.delete(request);
    const error = new MemberError(code, "notExecuted", message);
    this.#host.guard(() => asked.done(error, undefined));
  }
}

function tooMany(): MemberError {
  return new MemberError("overloaded", "notExecuted", "too many leases are asked for");
}
