// What is left of long leases, written into the log now and then, so that a new leader need not give them
// all of their time again. It may never know less than the holder was told: a lease of which the log says
// (or may say, because that is under way) that some of its time is gone is kept alive by writing the
// opposite first. One that is kept alive more often than it is written about costs the log nothing.

import type { StewardHost } from "@althing/member";
import { encodeCommand, type LeaseReads, type LeaseState, type Result } from "@althing/store";
import { Deadlines } from "./deadlines.ts";

/** The log: "" when it says so durably. */
type Written = (code: string) => void;

interface Parts {
  readonly store: Pick<LeaseReads, "lease">;
  /** 0: nothing is written. */
  readonly everyMs: number;
  /** When a lease ends, by the leader's count; undefined: it is not for it to say. */
  readonly endOf: (lease: bigint) => number | undefined;
}

const BATCH_MAX = 1000;

export class LeaseCheckpoints {
  readonly #host: StewardHost<Result>;
  readonly #parts: Parts;
  readonly #due = new Deadlines();
  /** In a proposal whose end is not known, by its place among those of this leadership. */
  readonly #underWay = new Map<bigint, number>();
  #batches = 0;
  #isBatchUnderWay = false;
  /** Kept alive in this turn; written about in one command. */
  #toClear: { readonly lease: bigint; readonly done: Written }[] = [];

  constructor(host: StewardHost<Result>, parts: Parts) {
    this.#host = host;
    this.#parts = parts;
  }

  /** What was done to keep order, for tests of the cost. */
  get steps(): number {
    return this.#due.steps;
  }

  forgetAll(): void {
    this.#due.clear();
    this.#underWay.clear();
    this.#isBatchUnderWay = false;
  }

  forget(lease: bigint): void {
    this.#due.delete(lease);
    this.#underWay.delete(lease);
  }

  /** The end of a lease was set. A short rest is not worth an entry: it is over soon. */
  endSet(lease: bigint, leftMs: number, nowMs: number): void {
    const { everyMs } = this.#parts;
    if (everyMs > 0 && leftMs > everyMs) this.#due.set(lease, nowMs + everyMs);
    else this.#due.delete(lease);
  }

  /** The log said something about a lease. The opposite may have been proposed before what is under way. */
  applied({ lease, remainingSeconds, ttlSeconds }: LeaseState): void {
    if (remainingSeconds < ttlSeconds) this.#underWay.delete(lease);
  }

  /** Whether a later leader might give the lease less than its whole time. */
  mustClear(state: LeaseState): boolean {
    return state.remainingSeconds < state.ttlSeconds || this.#underWay.has(state.lease);
  }

  clear(lease: bigint, done: Written): void {
    this.#toClear.push({ lease, done });
    if (this.#toClear.length === 1) {
      this.#host.clock.soon(() => this.#host.guard(() => this.#proposeClears()));
    }
  }

  /** One batch at a time: what a batch costs the log is what limits the rate. */
  tick(nowMs: number): void {
    if (this.#isBatchUnderWay) return;
    const leases: { lease: bigint; remainingSeconds: number }[] = [];
    for (let i = 0; i < BATCH_MAX; i++) {
      const next = this.#due.first();
      if (next === undefined || next.atMs > nowMs) break;
      const remainingSeconds = this.#remaining(next.id, nowMs);
      if (remainingSeconds !== undefined) leases.push({ lease: next.id, remainingSeconds });
      this.endSet(next.id, (remainingSeconds ?? 0) * 1000, nowMs);
    }
    if (leases.length === 0) return;
    const batch = ++this.#batches;
    for (const { lease } of leases) this.#underWay.set(lease, batch);
    this.#isBatchUnderWay = true;
    const { epoch } = this.#host.leadership;
    const command = encodeCommand({ kind: "leaseCheckpoint", leases });
    this.#host.proposeAsLeader(command, (outcome) => {
      if (this.#host.leadership.epoch !== epoch) return;
      this.#isBatchUnderWay = false;
      // Of an unknown outcome the log may still tell: until it does, these stay under way.
      if (outcome.kind === "failed" && outcome.error.outcome === "notExecuted") {
        for (const { lease } of leases) this.#underWay.delete(lease);
      }
    });
  }

  /** Undefined: the log knows as much, or the lease is not to be told of now. */
  #remaining(lease: bigint, nowMs: number): number | undefined {
    const state = this.#parts.store.lease(lease);
    const endMs = this.#parts.endOf(lease);
    if (state === undefined || endMs === undefined || this.#underWay.has(lease)) return undefined;
    // Up: never less than there is.
    const seconds = Math.ceil((endMs - nowMs) / 1000);
    return seconds > 0 && seconds < state.remainingSeconds ? seconds : undefined;
  }

  #proposeClears(): void {
    while (this.#toClear.length > 0) {
      const batch = this.#toClear.splice(0, BATCH_MAX);
      const leases = batch.map(({ lease }) => ({ lease, remainingSeconds: 0 }));
      const command = encodeCommand({ kind: "leaseCheckpoint", leases });
      const batches = this.#batches;
      const { epoch } = this.#host.leadership;
      this.#host.proposeAsLeader(command, (outcome) => {
        const code = outcome.kind === "failed" ? outcome.error.code : "";
        // What was proposed before it comes before it in the log, or not at all.
        if (code === "" && this.#host.leadership.epoch === epoch) {
          for (const { lease } of leases) {
            if ((this.#underWay.get(lease) ?? batches + 1) <= batches) this.#underWay.delete(lease);
          }
        }
        for (const { done } of batch) done(code);
      });
    }
  }
}
