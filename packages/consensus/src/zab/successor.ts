// Who would lead best if this leader did not: the voter with the highest priority among those that
// have answered lately and are fed without trouble; then the one whose history is longest.

import type { MemberId } from "../contract.ts";
import type { Leadership, Peer } from "./leadership.ts";
import { membership, type Zab } from "./self.ts";

export function bestSuccessor(zab: Zab, leadership: Leadership): Peer | undefined {
  let best: Peer | undefined;
  for (const peer of leadership.peers) {
    if (!canSucceed(zab, leadership, peer)) continue;
    if (best === undefined || isBetter(peer, best)) best = peer;
  }
  return best;
}

/** Where nobody could succeed now: the voter that is alive and holds most, with a snapshot to come perhaps. */
export function nearestSuccessor(
  zab: Zab,
  leadership: Leadership,
  tried: readonly MemberId[],
): Peer | undefined {
  let nearest: Peer | undefined;
  for (const peer of leadership.peers) {
    if (!isAlive(zab, leadership, peer) || tried.includes(peer.id)) continue;
    if (nearest === undefined || peer.progress.match > nearest.progress.match) nearest = peer;
  }
  return nearest;
}

/** Stays in the order of ids when all else is equal. */
function isBetter({ progress: one }: Peer, { progress: other }: Peer): boolean {
  return one.priority !== other.priority ? one.priority > other.priority : one.match > other.match;
}

function canSucceed(zab: Zab, leadership: Leadership, peer: Peer): boolean {
  return isAlive(zab, leadership, peer) && peer.upToDateSent;
}

function isAlive(zab: Zab, leadership: Leadership, peer: Peer): boolean {
  const isActive = peer.progress.recentlyActive || leadership.activeBefore.has(peer.id);
  return isActive && isIncomingVoter(zab, peer.id);
}

/** A voter of the configuration that is to stay. */
export function isIncomingVoter(zab: Zab, member: MemberId): boolean {
  return membership(zab).voters.includes(member);
}
