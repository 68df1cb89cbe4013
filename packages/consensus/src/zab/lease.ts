// Lease reads. Whoever hears its leader promises to accept no other's epoch for an election timeout of
// its own clock, and without a quorum of acceptances nobody is established. A leader counts from the
// moment it SENT the confirmed round, and for less than that, so that no clock within the drift bound
// can betray it.

import type { Leadership } from "./leadership.ts";
import type { Zab } from "./self.ts";

export function hasLease(zab: Zab, leadership: Leadership): boolean {
  return zab.nowMs < leaseUntilMs(zab, leadership);
}

export function leaseUntilMs(zab: Zab, leadership: Leadership): number {
  if (!zab.settings.leaseReads) return Number.NEGATIVE_INFINITY;
  return leadership.leaseFromMs + zab.settings.leaseMs;
}
