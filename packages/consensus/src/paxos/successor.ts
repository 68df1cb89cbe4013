// Who would lead best if this leader did not: the voter with the highest priority among those that
// have answered lately and are fed without trouble; then the one that holds most.

import type { MemberId } from "../contract.ts";
import type { Leadership, Peer } from "./leadership.ts";
import { membership, type Paxos } from "./self.ts";

export function bestSuccessor(paxos: Paxos, leadership: Leadership): Peer | undefined {
  let best: Peer | undefined;
  for (const peer of leadership.peers) {
    if (!canSucceed(paxos, leadership, peer)) continue;
    if (best === undefined || isBetter(peer, best)) best = peer;
  }
  return best;
}

/** Stays in the order of ids when all else is equal. */
function isBetter(one: Peer, other: Peer): boolean {
  return one.priority !== other.priority ? one.priority > other.priority : one.match > other.match;
}

function canSucceed(paxos: Paxos, leadership: Leadership, peer: Peer): boolean {
  const isActive = peer.recentlyActive || leadership.activeBefore.has(peer.id);
  return isActive && peer.state === "replicate" && isIncomingVoter(paxos, peer.id);
}

/** A voter of the configuration that is to stay. */
export function isIncomingVoter(paxos: Paxos, member: MemberId): boolean {
  return membership(paxos).voters.includes(member);
}
