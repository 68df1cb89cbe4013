// Time passes, one tick at a time. Only this moves timers on: a burst of messages never counts as
// time (corpus: starved-loop-term-storm).

import { campaign } from "./election.ts";
import { checkQuorum } from "./heartbeat.ts";
import type { Leadership } from "./leadership.ts";
import { hasPromised } from "./loyalty.ts";
import { maybeLeaveJoint } from "./membership-change.ts";
import { askForPromises } from "./prepare.ts";
import { tickForwardedReads } from "./reads.ts";
import { becomeFollower, isPromotable } from "./role.ts";
import type { Paxos } from "./self.ts";
import { maybeHandOver, tickTransfer } from "./transfer.ts";

export function tick(paxos: Paxos): void {
  tickForwardedReads(paxos);
  tickTransfer(paxos);
  if (paxos.leadership !== undefined) tickLeader(paxos, paxos.leadership);
  else tickFollower(paxos);
}

function tickLeader(paxos: Paxos, leadership: Leadership): void {
  const { heartbeatTicks, electionTicks } = paxos.settings;
  if (++leadership.heartbeatElapsed >= heartbeatTicks) {
    leadership.heartbeatElapsed = 0;
    leadership.heartbeatDue = true;
    maybeLeaveJoint(paxos);
  }
  if (++leadership.quorumElapsed < electionTicks) return;
  leadership.quorumElapsed = 0;
  checkQuorum(paxos, leadership);
  if (paxos.leadership !== undefined) maybeHandOver(paxos, leadership);
}

function tickFollower(paxos: Paxos): void {
  paxos.ticksSinceHeard++;
  paxos.ticksCampaigning++;
  // A prepare request, or a part of an answer, may have been lost.
  const isDue = paxos.ticksCampaigning % paxos.settings.heartbeatTicks === 0;
  // While it installs a snapshot it would not hear the answers.
  const hears = paxos.installing === undefined;
  if (paxos.role === "candidate" && isDue && hears) askForPromises(paxos);
  paxos.timer.tick();
  if (!paxos.timer.isExpired) return;
  if (isPromotable(paxos) && paxos.settings.priority > 0) {
    // What a lease grants may outlast the ticks: then the timer stays expired.
    if (!hasPromised(paxos)) campaign(paxos);
    return;
  }
  // It cannot campaign, but it can notice that nobody leads it.
  paxos.timer.reset();
  if (paxos.role === "follower" && paxos.leader !== undefined) {
    becomeFollower(paxos, paxos.promised, false);
  }
}
