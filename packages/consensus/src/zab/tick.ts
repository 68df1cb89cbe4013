// Time passes, one tick at a time. Only this moves timers on: a burst of messages never counts as time.

import { considerEpoch, tickDiscovery } from "./discovery.ts";
import { tickLooking } from "./election.ts";
import type { Following } from "./following.ts";
import { checkQuorum } from "./heartbeat.ts";
import type { Leadership } from "./leadership.ts";
import { maybeLeaveJoint } from "./membership-change.ts";
import { tickForwardedReads } from "./reads.ts";
import { becomeLooking } from "./role.ts";
import type { Zab } from "./self.ts";
import { maybeHandOver, tickTransfer } from "./transfer.ts";

export function tick(zab: Zab): void {
  tickForwardedReads(zab);
  tickTransfer(zab);
  if (zab.abstainTicks > 0) zab.abstainTicks--;
  if (zab.leadership !== undefined) tickLeader(zab, zab.leadership);
  else if (zab.following !== undefined) tickFollower(zab, zab.following);
  else if (zab.looking !== undefined) tickLooking(zab, zab.looking);
}

function tickLeader(zab: Zab, leadership: Leadership): void {
  const { heartbeatTicks, electionTicks } = zab.settings;
  if (++leadership.heartbeatElapsed >= heartbeatTicks) {
    leadership.heartbeatElapsed = 0;
    leadership.heartbeatDue = true;
    maybeLeaveJoint(zab);
  }
  // A promise under a lease may have ended since it was asked last.
  considerEpoch(zab, leadership);
  if (++leadership.quorumElapsed < electionTicks) return;
  leadership.quorumElapsed = 0;
  checkQuorum(zab, leadership);
  if (zab.leadership !== undefined) maybeHandOver(zab, leadership);
}

function tickFollower(zab: Zab, following: Following): void {
  if (++following.ticksSinceHeard >= zab.settings.electionTicks) becomeLooking(zab);
  else tickDiscovery(zab, following);
}
