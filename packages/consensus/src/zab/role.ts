// The changes of role, each in one place: whatever a role leaves behind is settled here, so that no
// handler can forget it. Every way out leads through LOOKING, as in ZooKeeper.

import { assert } from "../assert.ts";
import type { MemberId } from "../contract.ts";
import { considerEpoch, handleFollowerInfo } from "./discovery.ts";
import { createFollowing, sendFollowerInfo } from "./following.ts";
import { alignPeers, createLeadership } from "./leadership.ts";
import { createLooking, type Looking } from "./looking.ts";
import type { MessageOf, Vote } from "./messages.ts";
import { abandonForwardedReads, abandonReads } from "./reads.ts";
import type { Zab } from "./self.ts";
import { isPromotable } from "./vote.ts";

/** A new round of election begins; `preferred` is whom the leader before hands over to. */
export function becomeLooking(zab: Zab, preferred?: Vote): void {
  const looking = resumeLooking(zab);
  zab.round++;
  if (preferred === undefined) return;
  looking.isFresh = false;
  looking.vote = preferred;
  looking.votes.set(zab.settings.id, preferred);
}

/** Back to the round that was thought to be over. */
export function resumeLooking(zab: Zab): Looking {
  leaveRole(zab);
  zab.role = "looking";
  zab.vote = undefined;
  zab.looking = createLooking(zab.settings.heartbeatTicks);
  return zab.looking;
}

/** A new round without this member as a candidate: it has not the quorum that a leader needs. */
export function standAside(zab: Zab, { ticks, heard }: Looking): void {
  becomeLooking(zab);
  const looking = zab.looking!;
  looking.ticks = ticks;
  for (const [member, at] of heard) looking.heard.set(member, at);
}

export function becomeFollowing(zab: Zab, leader: MemberId): void {
  assert(leader !== zab.settings.id, "nobody follows itself");
  leaveRole(zab);
  zab.role = "following";
  zab.following = createFollowing(zab, leader);
  sendFollowerInfo(zab, zab.following);
}

/** Elected, but not yet established: it has an epoch to find and a quorum to win over. */
export function becomeLeading(zab: Zab): void {
  assert(isPromotable(zab), "a leader's log is its own");
  const infos = zab.looking?.infos ?? new Map<MemberId, MessageOf<"followerInfo">>();
  // All of them before the epoch is chosen: it has to be later than each.
  for (const { acceptedEpoch } of infos.values()) {
    zab.epochHeard = Math.max(zab.epochHeard, acceptedEpoch);
  }
  leaveRole(zab);
  zab.role = "leading";
  const leadership = createLeadership(zab.log.lastIndex);
  zab.leadership = leadership;
  for (let index = zab.commitIndex + 1; index <= zab.log.lastIndex; index++) {
    leadership.uncommittedBytes += zab.log.at(index)!.payload.length;
  }
  alignPeers(zab, leadership, false);
  for (const [from, info] of infos) handleFollowerInfo(zab, from, info);
  considerEpoch(zab, leadership);
}

function leaveRole(zab: Zab): void {
  abandonForwardedReads(zab);
  if (zab.leadership !== undefined) abandonReads(zab, zab.leadership);
  zab.leadership = undefined;
  zab.following = undefined;
  zab.looking = undefined;
}
