// The changes of role, each in one place: whatever a role leaves behind is settled here, so that no
// handler can forget it.

import { assert } from "../assert.ts";
import { isVoter } from "../membership/membership.ts";
import { reject } from "../outbox/outbox.ts";
import { type Ballot, compareBallots } from "../synod/ballot.ts";
import { alignPeers, createLeadership, type Leadership, peerOf } from "./leadership.ts";
import { createPreparation, forgetKnown, noteAccepted } from "./preparation.ts";
import { abandonForwardedReads, abandonReads } from "./reads.ts";
import { membership, type Paxos } from "./self.ts";
import { settleTransfer } from "./transfer-settle.ts";

/** Doublings of the time that a ballot is given. */
const patienceMax = 3;

/** `ballot` is promised, and perhaps led: by its proposer, or by nobody that was heard. */
export function becomeFollower(paxos: Paxos, ballot: Ballot, isLed: boolean): void {
  const order = compareBallots(ballot, paxos.promised);
  assert(order >= 0, "a promise never goes back");
  const leader = isLed ? ballot.proposer : undefined;
  const wasFollower = paxos.role === "follower";
  const changed = order > 0 || leader !== paxos.leader || !wasFollower;
  if (order > 0) promise(paxos, ballot);
  paxos.role = "follower";
  paxos.leader = leader;
  paxos.leaderHungUp = false;
  if (isLed) paxos.attempts = 0;
  if (changed) leaveRole(paxos);
  if (!wasFollower) paxos.timer.reset();
}

/** Asks whether a ballot could be prepared, and disturbs nobody. */
export function becomeCanvasser(paxos: Paxos): void {
  assert(paxos.role !== "leader", "a leader does not canvass");
  paxos.role = "canvasser";
  paxos.leader = undefined;
  leaveRole(paxos);
  paxos.votes.set(paxos.settings.id, true);
  paxos.timer.reset();
}

/** A ballot higher than any seen, promised to itself first of all. It is never used again. */
export function becomeCandidate(paxos: Paxos, handedOver: Ballot | undefined): void {
  assert(paxos.role !== "leader", "a leader does not campaign");
  const round = Math.max(paxos.highestRound, paxos.promised.round) + 1;
  promise(paxos, { round, proposer: paxos.settings.id });
  paxos.role = "candidate";
  paxos.leader = undefined;
  leaveRole(paxos);
  paxos.preparation = createPreparation(paxos.promised, handedOver);
  paxos.timer.reset();
  // Back-off: whoever duels, or waits for slow disks, gives each ballot more time than the last.
  const patience = 2 ** Math.min(Math.max(0, paxos.attempts++ - 1), patienceMax);
  paxos.timer.postpone(paxos.timer.ticksLeft * patience);
}

/** A quorum has promised, and all that it knows to be chosen is known here. */
export function becomeLeader(paxos: Paxos): Leadership {
  const { log, preparation, settings } = paxos;
  assert(paxos.role === "candidate" && preparation !== undefined, "a leader was elected");
  assert(paxos.installing === undefined, "a leader holds what is chosen");
  paxos.role = "leader";
  paxos.leader = settings.id;
  paxos.attempts = 0;
  forgetKnown(preparation, paxos.commitIndex);
  for (let index = paxos.commitIndex + 1; index <= log.lastIndex; index++) {
    const accepted = log.at(index);
    if (accepted !== undefined) noteAccepted(preparation, accepted);
  }
  const leadership = createLeadership(paxos, preparation);
  paxos.leadership = leadership;
  alignPeers(paxos, leadership);
  for (const [member, commitIndex] of preparation.commitOf) {
    const peer = peerOf(leadership, member);
    if (peer === undefined) continue;
    peer.acknowledged(Math.min(commitIndex, paxos.commitIndex));
    peer.commitTold = peer.match;
    peer.recentlyActive = true;
    peer.feed();
  }
  settleTransfer(paxos);
  return leadership;
}

/** Voters that are fit to lead and not in the midst of replacing their store. */
export function isPromotable(paxos: Paxos): boolean {
  if (paxos.installing !== undefined || !paxos.isFit) return false;
  return isVoter(membership(paxos), paxos.settings.id);
}

function promise(paxos: Paxos, ballot: Ballot): void {
  paxos.promised = ballot;
  paxos.highestRound = Math.max(paxos.highestRound, ballot.round);
  paxos.toldIndex = paxos.commitIndex;
  paxos.receivedIndex = paxos.commitIndex;
  paxos.outbox.stateChanged = true;
}

function leaveRole(paxos: Paxos): void {
  paxos.votes.clear();
  paxos.ticksCampaigning = 0;
  paxos.preparation = undefined;
  abandonForwardedReads(paxos);
  const { leadership } = paxos;
  if (paxos.role === "leader" || leadership === undefined) return;
  // What was never proposed in any slot may be proposed to somebody else.
  for (const { token } of leadership.waiting) reject(paxos, token, "notLeader");
  abandonReads(paxos, leadership);
  paxos.leadership = undefined;
}
