// Time passes, one tick at a time. Only this moves timers on: a burst of messages never counts as
// time (corpus: starved-loop-term-storm).

import { campaign, tickCampaign } from "./election.ts";
import { checkQuorum } from "./heartbeat.ts";
import type { Leadership } from "./leadership.ts";
import { hasPromised } from "./loyalty.ts";
import { maybeLeaveJoint } from "./membership-change.ts";
import { tickForwardedReads } from "./reads.ts";
import { becomeFollower, isPromotable } from "./role.ts";
import type { Raft } from "./self.ts";
import { maybeHandOver, tickTransfer } from "./transfer.ts";

export function tick(raft: Raft): void {
  tickForwardedReads(raft);
  tickTransfer(raft);
  if (raft.leadership !== undefined) tickLeader(raft, raft.leadership);
  else tickFollower(raft);
}

function tickLeader(raft: Raft, leadership: Leadership): void {
  const { heartbeatTicks, electionTicks } = raft.settings;
  if (++leadership.heartbeatElapsed >= heartbeatTicks) {
    leadership.heartbeatElapsed = 0;
    leadership.heartbeatDue = true;
    maybeLeaveJoint(raft);
  }
  if (++leadership.quorumElapsed < electionTicks) return;
  leadership.quorumElapsed = 0;
  checkQuorum(raft, leadership);
  if (raft.leadership !== undefined) maybeHandOver(raft, leadership);
}

function tickFollower(raft: Raft): void {
  raft.ticksSinceHeard++;
  tickCampaign(raft);
  raft.timer.tick();
  if (!raft.timer.isExpired) return;
  if (isPromotable(raft) && raft.settings.priority > 0) {
    // A promise under a lease may outlast the ticks: then the timer stays expired.
    if (!hasPromised(raft)) campaign(raft);
    return;
  }
  // It cannot campaign, but it can notice that nobody leads it.
  raft.timer.reset();
  if (raft.role === "follower" && raft.leader !== undefined) {
    becomeFollower(raft, raft.term, undefined);
  }
}
