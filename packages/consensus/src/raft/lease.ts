// Lease reads (dissertation §6.4.1). Whoever answers a heartbeat promises not to vote for another
// for an election timeout of its own clock. A leader counts from the moment it SENT the confirmed
// round, and for less than that timeout, so that no clock within the drift bound can betray it.

import type { Leadership } from "./leadership.ts";
import type { Raft } from "./self.ts";

export function hasLease(raft: Raft, leadership: Leadership): boolean {
  return raft.nowMs < leaseUntilMs(raft, leadership);
}

export function leaseUntilMs(raft: Raft, leadership: Leadership): number {
  if (!raft.settings.leaseReads || leadership.leaseVoid) return Number.NEGATIVE_INFINITY;
  return leadership.leaseFromMs + raft.settings.leaseMs;
}

/**
 * A transfer lets others vote in spite of their promise, and its message may be under way for long:
 * the leader answers no read from a lease in the rest of its term.
 */
export function voidLease(leadership: Leadership): void {
  leadership.leaseVoid = true;
}
