// The requests this member has accepted and not yet answered. A request number is a slot and the
// generation of its use, so that an applied entry finds its caller by an array index, a late or
// repeated answer finds nobody, and a request costs no allocation: slots are used again.

import type { ProposeOutcome } from "./contract.ts";
import { REQUEST_LIMIT } from "./envelope.ts";

const SLOTS = 2 ** 16;
const PROPOSALS_IN_FLIGHT_LIMIT = SLOTS;

/**
 * free: no request. fresh: waits for this turn's batch. parked: waits for a leader. proposed: in this
 * member's core. forwarded: sent to the leader. orphaned: the leader it was given to is gone or out
 * of reach; its entry may still be applied.
 */
export type PendingState = "free" | "fresh" | "parked" | "proposed" | "forwarded" | "orphaned";

export interface Pending {
  readonly slot: number;
  request: number;
  state: PendingState;
  done: ((outcome: ProposeOutcome) => void) | undefined;
  payload: Uint8Array | undefined;
  /** When the caller is told "timedOut". */
  deadlineMs: number;
  /** Once orphaned: when it is given up. */
  orphanDeadlineMs: number;
  /** Where and in which epoch it was last sent. */
  target: string;
  epoch: number;
  /** It is meant as the leader of this epoch, or not at all; 0: it may go to any leader. */
  onlyEpoch: number;
}

export class PendingTable {
  readonly #slots: Pending[] = [];
  readonly #free: number[] = [];
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = Math.min(limit, PROPOSALS_IN_FLIGHT_LIMIT);
  }

  get count(): number {
    return this.#slots.length - this.#free.length;
  }

  /** Undefined when the limit is reached. */
  take(): Pending | undefined {
    const slot = this.#free.pop();
    if (slot !== undefined) return this.#slots[slot]!;
    if (this.#slots.length >= this.#limit) return undefined;
    const pending: Pending = {
      slot: this.#slots.length,
      request: this.#slots.length,
      state: "free",
      done: undefined,
      payload: undefined,
      deadlineMs: 0,
      orphanDeadlineMs: 0,
      target: "",
      epoch: 0,
      onlyEpoch: 0,
    };
    this.#slots.push(pending);
    return pending;
  }

  /** The request's slot while the request is open; undefined once answered. */
  find(request: number): Pending | undefined {
    const pending = this.#slots[request % SLOTS];
    if (pending === undefined || pending.request !== request || pending.state === "free") {
      return undefined;
    }
    return pending;
  }

  /** Frees the slot and hands out its callback, which the caller calls last. */
  settle(pending: Pending): ((outcome: ProposeOutcome) => void) | undefined {
    const { done } = pending;
    pending.state = "free";
    pending.done = undefined;
    pending.payload = undefined;
    const next = pending.request + SLOTS;
    pending.request = next < REQUEST_LIMIT ? next : pending.slot;
    this.#free.push(pending.slot);
    return done;
  }

  some(holds: (pending: Pending) => boolean): boolean {
    return this.#slots.some((pending) => pending.state !== "free" && holds(pending));
  }

  /** Every open request in slot order. `visit` may settle what it is given. */
  forEach(visit: (pending: Pending) => void): void {
    for (const pending of this.#slots) {
      if (pending.state !== "free") visit(pending);
    }
  }
}
