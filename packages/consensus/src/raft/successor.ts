// Who would lead best if this leader did not: the voter with the highest priority among those that
// have answered lately and are fed without trouble; then the one whose log is longest.

import type { MemberId } from "../contract.ts";
import type { Progress } from "../progress/progress.ts";
import type { Leadership } from "./leadership.ts";
import { membership, type Raft } from "./self.ts";

export function bestSuccessor(raft: Raft, leadership: Leadership): Progress | undefined {
  let best: Progress | undefined;
  for (const peer of leadership.peers) {
    if (!canSucceed(raft, leadership, peer)) continue;
    if (best === undefined || isBetter(peer, best)) best = peer;
  }
  return best;
}

/** Where nobody could succeed now: the voter that is alive and holds most, with a snapshot to come perhaps. */
export function nearestSuccessor(
  raft: Raft,
  leadership: Leadership,
  tried: readonly MemberId[],
): Progress | undefined {
  let nearest: Progress | undefined;
  for (const peer of leadership.peers) {
    if (!isAlive(raft, leadership, peer) || tried.includes(peer.id)) continue;
    if (nearest === undefined || peer.match > nearest.match) nearest = peer;
  }
  return nearest;
}

/** Stays in the order of ids when all else is equal. */
function isBetter(one: Progress, other: Progress): boolean {
  return one.priority !== other.priority ? one.priority > other.priority : one.match > other.match;
}

function canSucceed(raft: Raft, leadership: Leadership, peer: Progress): boolean {
  return isAlive(raft, leadership, peer) && peer.state === "replicate";
}

function isAlive(raft: Raft, leadership: Leadership, peer: Progress): boolean {
  const isActive = peer.recentlyActive || leadership.activeBefore.has(peer.id);
  return isActive && isIncomingVoter(raft, peer.id);
}

/** A voter of the configuration that is to stay. */
export function isIncomingVoter(raft: Raft, member: MemberId): boolean {
  return membership(raft).voters.includes(member);
}
