// The master lease (Paxos Made Live §5.2). Whoever answers a heartbeat promises no ballot to another
// for an election timeout of its own clock. A leader counts from the moment it SENT the confirmed
// round, and for less than that timeout, so that no clock within the drift bound can betray it.

import type { Leadership } from "./leadership.ts";
import type { Paxos } from "./self.ts";

export function hasLease(paxos: Paxos, leadership: Leadership): boolean {
  return paxos.nowMs < leaseUntilMs(paxos, leadership);
}

export function leaseUntilMs(paxos: Paxos, leadership: Leadership): number {
  if (!paxos.settings.leaseReads || leadership.leaseVoid) return Number.NEGATIVE_INFINITY;
  return leadership.leaseFromMs + paxos.settings.leaseMs;
}

/**
 * A transfer lets others promise in spite of the lease, and its message may be under way for long:
 * the leader answers no read from a lease in the rest of its ballot.
 */
export function voidLease(leadership: Leadership): void {
  leadership.leaseVoid = true;
}
