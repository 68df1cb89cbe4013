// A follower and its leader: which messages are of the present session and in order, what hearing one
// means, and what a follower promises by it when leases are used.

import type { MemberId } from "../contract.ts";
import { type Following, restartSession } from "./following.ts";
import type { SequencedMessage } from "./messages.ts";
import type { Zab } from "./self.ts";

/**
 * The session, when the message is the next one in it. What came before is a duplicate; what comes too
 * early says that something was lost, and then the session has to begin anew.
 */
export function receiveInOrder(
  zab: Zab,
  from: MemberId,
  message: SequencedMessage,
): Following | undefined {
  const following = inSession(zab, from, message);
  if (following === undefined || following.phase === "discovery") return undefined;
  hearLeader(zab, following);
  if (message.sequence <= following.received) return undefined;
  if (message.sequence !== following.received + 1) {
    restartSession(zab, following);
    return undefined;
  }
  following.received = message.sequence;
  return following;
}

export function inSession(
  zab: Zab,
  from: MemberId,
  message: SequencedMessage,
): Following | undefined {
  const { following } = zab;
  if (following?.leader !== from || following.session !== message.session) return undefined;
  return following.phase === "discovery" || following.epoch === message.epoch
    ? following
    : undefined;
}

export function hearLeader(zab: Zab, following: Following): void {
  following.ticksSinceHeard = 0;
  if (!zab.settings.leaseReads || following.phase === "discovery") return;
  zab.promiseUntilMs = zab.nowMs + zab.settings.promiseMs;
  zab.promisedTo = following.leader;
}

/** Under a lease: no epoch is accepted from another than the leader that was heard last. */
export function hasPromisedOther(zab: Zab, leader: MemberId): boolean {
  if (!zab.settings.leaseReads || zab.nowMs >= zab.promiseUntilMs) return false;
  return zab.promisedTo !== leader;
}

export function releasePromise(zab: Zab, leader: MemberId): void {
  if (zab.promisedTo === leader) zab.promiseUntilMs = 0;
}

/** The connection to the leader broke: look at the next tick, unless it speaks before. */
export function noteHangUp(zab: Zab, peer: MemberId): void {
  const { following, settings } = zab;
  // Under a lease the promise stands, and looking early would only be looking in vain.
  if (following?.leader !== peer || settings.leaseReads) return;
  following.ticksSinceHeard = Math.max(following.ticksSinceHeard, settings.electionTicks - 1);
}
