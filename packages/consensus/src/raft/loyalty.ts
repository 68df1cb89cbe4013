// Leader stickiness (dissertation §4.2.3, §6.4.1): a member that hears its leader helps nobody to
// replace it. Removed members cannot disrupt, and a lease can be counted on.

import type { MemberId } from "../contract.ts";
import { becomeFollower } from "./role.ts";
import type { Raft } from "./self.ts";
import { settleTransfer } from "./transfer-settle.ts";

/** Whether this member helps `candidate` to no election now. */
export function isLoyal(raft: Raft, candidate: MemberId): boolean {
  if (hasPromised(raft)) return true;
  if (raft.role === "leader") return true;
  // A leader that campaigns leads no more (corpus: prevote-refuses-old-leader).
  if (raft.leader === candidate) return false;
  if (raft.leader === undefined || raft.leaderHungUp) return false;
  return raft.ticksSinceHeard < raft.settings.electionTicks;
}

/** The promise under a lease holds across terms and roles, and on the clock instead of ticks. */
export function hasPromised(raft: Raft): boolean {
  return raft.settings.leaseReads && raft.nowMs < raft.promiseUntilMs;
}

/** A message of the leader of this term came. False when it cannot be the leader. */
export function hearLeader(raft: Raft, from: MemberId): boolean {
  if (raft.leader !== undefined && raft.leader !== from) return false;
  if (raft.role !== "follower" || raft.leader !== from) {
    becomeFollower(raft, raft.term, from);
    settleTransfer(raft);
  }
  raft.timer.reset();
  raft.ticksSinceHeard = 0;
  raft.leaderHungUp = false;
  if (raft.settings.leaseReads) raft.promiseUntilMs = raft.nowMs + raft.settings.promiseMs;
  return true;
}

/** The connection to a peer broke. For the leader of a follower it is a reason to look. */
export function noteHangUp(raft: Raft, peer: MemberId): void {
  if (raft.role !== "follower" || raft.leader !== peer) return;
  raft.timer.hurry(raft.settings.heartbeatTicks);
  // Under a lease the promise stands: the timer waits for its end.
  if (!raft.settings.leaseReads) raft.leaderHungUp = true;
}
