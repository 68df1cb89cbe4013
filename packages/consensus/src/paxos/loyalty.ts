// Loyalty to the leader, the acceptors' side of the master lease (Paxos Made Live §5.2): a member that
// hears its leader helps nobody to replace it. Whoever was away or removed cannot disrupt.

import type { MemberId } from "../contract.ts";
import { type Ballot, sameBallot } from "../synod/ballot.ts";
import type { MessageOf } from "./messages.ts";
import { becomeFollower } from "./role.ts";
import type { Paxos } from "./self.ts";
import { settleTransfer } from "./transfer-settle.ts";

/** Whether this member helps `candidate` to no election now. */
export function isLoyal(paxos: Paxos, candidate: MemberId): boolean {
  if (hasPromised(paxos)) return true;
  if (paxos.role === "leader") return true;
  // A leader that campaigns leads no more (corpus: prevote-refuses-old-leader).
  if (paxos.leader === candidate) return false;
  if (paxos.leader === undefined || paxos.leaderHungUp) return false;
  return paxos.ticksSinceHeard < paxos.settings.electionTicks;
}

/**
 * The leader that this member is loyal to hands over, and answers no reads from its lease any more.
 * What another leader gave away, and when, is nothing to this one: such a message may be very old.
 */
export function isReleased(paxos: Paxos, { handedOver }: MessageOf<"prepareRequest">): boolean {
  return handedOver !== undefined && sameBallot(handedOver, paxos.promised);
}

/** What is granted under a lease holds across ballots and roles, and on the clock, not ticks. */
export function hasPromised(paxos: Paxos): boolean {
  return paxos.settings.leaseReads && paxos.nowMs < paxos.promiseUntilMs;
}

/**
 * A leader of a higher ballot that this member did not promise has to wait for the end of the lease. Its
 * quorum was of one membership, and need not have anybody in common with those that granted the lease in a
 * later one; what it proposes there is nothing without the word of these.
 */
export function hasToWait(paxos: Paxos, ballot: Ballot): boolean {
  if (sameBallot(ballot, paxos.promised) || !hasPromised(paxos)) return false;
  return paxos.promisedTo !== ballot.proposer;
}

/** The proposer of `ballot`, which is not below the promise, sent what only a leader sends. */
export function hearLeader(paxos: Paxos, ballot: Ballot): void {
  const isNew = !sameBallot(ballot, paxos.promised) || paxos.leader !== ballot.proposer;
  if (isNew || paxos.role !== "follower") {
    becomeFollower(paxos, ballot, true);
    settleTransfer(paxos);
  }
  paxos.timer.reset();
  paxos.ticksSinceHeard = 0;
  paxos.leaderHungUp = false;
  if (!paxos.settings.leaseReads) return;
  paxos.promiseUntilMs = paxos.nowMs + paxos.settings.promiseMs;
  paxos.promisedTo = ballot.proposer;
}

/** The connection to a peer broke. For the leader of a follower it is a reason to look. */
export function noteHangUp(paxos: Paxos, peer: MemberId): void {
  if (paxos.role !== "follower" || paxos.leader !== peer) return;
  paxos.timer.hurry(paxos.settings.heartbeatTicks);
  // Under a lease the promise stands: the timer waits for its end.
  if (!paxos.settings.leaseReads) paxos.leaderHungUp = true;
}
