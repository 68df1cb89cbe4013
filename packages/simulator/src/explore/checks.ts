// What must hold between members, in every state: what a leader counts on is on the disk of the member it
// counts for, and a membership that is told as settled survives a crash of everybody. What shows in one
// member alone its machine checks (`machine.ts`); that all act on the same entries is checked by the world.

import type { Membership, Protocol } from "@althing/consensus";
import { isQuorum } from "@althing/consensus/parts";
import type { Local } from "./locals.ts";
import { keyOf } from "./machine.ts";

/** "" when all that the leader counts on is held there, as the leader has it, or as part of a snapshot. */
export function whyNotHeld(name: Protocol["name"], leader: Local, peer: Local): string {
  const { role, epoch, peers, firstIndex } = leader.status;
  if (role !== "leader") return "";
  // Whoever has gone on to a later leader may have dropped what this one counts on.
  if (peer.status.epoch !== epoch) return "";
  if (name === "paxos" && peer.promisedTo !== leader.promisedTo) return "";
  const match = peers.find(({ id }) => id === peer.member)?.match ?? 0;
  const first = Math.max(firstIndex, peer.baseIndex + 1, peer.storeIndex + 1);
  for (let index = first; index <= match; index++) {
    const entry = peer.disk.entries.find((each) => each.index === index);
    const what = `${leader.member} counts on ${peer.member} for ${index}`;
    if (entry === undefined) return `${what}, which is on no disk there`;
    const own = leader.held.get(index);
    if (own === undefined) continue;
    const isSame =
      name === "paxos"
        ? keyOf({ ...entry, epoch: 0, proposer: "" }) === keyOf({ ...own, epoch: 0, proposer: "" })
        : keyOf(entry) === keyOf(own);
    if (!isSame) return `${what}, which is another there`;
  }
  return "";
}

/** "" when nobody leads whom the lease of another should have kept from it. */
export function whyLeaseBroken(holder: Local, other: Local): string {
  if (!holder.holdsLease || !other.isLeader) return "";
  const ahead = other.status.epoch - holder.status.epoch;
  // A Paxos ballot is (round, proposer).
  const isLater = ahead > 0 || (ahead === 0 && other.member > holder.member);
  return isLater ? `${other.member} leads while ${holder.member} holds a lease` : "";
}

/** "" when a quorum would know the membership at the index after a crash. */
export function whyNotSettled(
  name: Protocol["name"],
  teller: Local,
  locals: readonly Local[],
  index: number,
): string {
  const membership: Membership = teller.status.membership;
  if (membership.votersOutgoing.length > 0) return "a joint membership is told as settled";
  const knows = (member: string) => {
    const local = locals.find((each) => each.member === member);
    if (local === undefined) return false;
    const { disk, storeIndex, baseIndex } = local;
    if (Math.max(baseIndex, storeIndex) >= index) return true;
    if (name !== "paxos") return disk.entries.some((entry) => entry.index >= index);
    // There a membership governs for those that know it to be chosen.
    return ((disk.state as { readonly commit?: number } | undefined)?.commit ?? 0) >= index;
  };
  if (isQuorum(membership, knows)) return "";
  return `${teller.member} tells the membership at ${index} as settled, which a crash may undo`;
}
