// Discovery (Zab §IV phase 1; Zab1.0 phase 1): a prospective leader learns the latest epoch that a
// quorum accepted and proposes a later one; who accepts it promises to follow no earlier one, on disk,
// before it says so. Then no leader of an earlier epoch can commit anything any more.

import type { Epoch, MemberId } from "../contract.ts";
import { isVoter } from "../membership/membership.ts";
import { sendAfterDisk } from "../outbox/outbox.ts";
import { isQuorum } from "../quorum/quorum.ts";
import { type Following, sendFollowerInfo } from "./following.ts";
import {
  beginSession,
  type Leadership,
  leadershipOf,
  type Peer,
  peerInSession,
  peerOf,
} from "./leadership.ts";
import { hasPromisedOther, hearLeader } from "./loyalty.ts";
import type { EpochEnd, MessageOf } from "./messages.ts";
import { becomeLooking } from "./role.ts";
import { membership, type Zab } from "./self.ts";
import { beginSynchronization, synchronize } from "./synchronization.ts";
import { settleTransfer } from "./transfer-settle.ts";
import { compareHistories, historyOf } from "./vote.ts";

/** Leader: a follower begins a session. */
export function handleFollowerInfo(
  zab: Zab,
  from: MemberId,
  message: MessageOf<"followerInfo">,
): void {
  const leadership = leadershipOf(zab);
  const peer = peerOf(leadership, from);
  if (peer === undefined) return;
  // A session that is over does not come back: remnants of it may still be under way.
  if (peer.stage === "absent" && peer.session === message.session) return;
  if (peer.session !== message.session) beginSession(zab, peer, message.session);
  peer.progress.recentlyActive = true;
  zab.epochHeard = Math.max(zab.epochHeard, message.acceptedEpoch);
  if (leadership.epoch === 0) {
    considerEpoch(zab, leadership);
  } else if (message.acceptedEpoch > leadership.epoch) {
    // It promised a later epoch and may never follow this one: only a still later one takes it in.
    becomeLooking(zab);
  } else {
    sendLeaderInfo(zab, leadership, peer);
  }
}

/** Leader: a quorum has said what it accepted; the new epoch is later than all of that. */
export function considerEpoch(zab: Zab, leadership: Leadership): void {
  if (leadership.epoch !== 0 || hasPromisedOther(zab, zab.settings.id)) return;
  const isKnown = (member: MemberId) =>
    member === zab.settings.id || (peerOf(leadership, member)?.stage ?? "absent") !== "absent";
  if (!isQuorum(membership(zab), isKnown)) return;
  const latest = Math.max(zab.acceptedEpoch, zab.epochHeard);
  acceptEpoch(zab, latest + 1);
  leadership.epoch = latest + 1;
  for (const peer of leadership.peers) {
    if (peer.stage !== "absent") sendLeaderInfo(zab, leadership, peer);
  }
}

/** Follower: accept the epoch, if it is late enough, and say what history this member has. */
export function handleLeaderInfo(zab: Zab, from: MemberId, message: MessageOf<"leaderInfo">): void {
  const following = zab.following;
  if (following?.leader !== from || following.session !== message.session) return;
  if (following.phase !== "discovery") return;
  const isLater = message.epoch > zab.acceptedEpoch;
  // It promised to wait, and asks again.
  if (isLater && hasPromisedOther(zab, from)) return;
  if (message.epoch < zab.acceptedEpoch) {
    becomeLooking(zab);
    return;
  }
  following.phase = "synchronization";
  following.epoch = message.epoch;
  following.isEstablished = message.isEstablished;
  following.epochCounts = isLater;
  if (following.epochCounts) acceptEpoch(zab, message.epoch);
  hearLeader(zab, following);
  settleTransfer(zab);
  sendAckEpoch(zab, following);
}

/** Leaves once the promise, and the history that it tells of, are on disk. */
export function sendAckEpoch(zab: Zab, following: Following): void {
  const { leader, session, epoch, epochCounts } = following;
  sendAfterDisk(zab, leader, {
    kind: "ackEpoch",
    session,
    epoch,
    counts: epochCounts,
    ...historyOf(zab),
    commitIndex: zab.commitIndex,
    ends: epochEnds(zab),
  });
}

export function handleAckEpoch(zab: Zab, from: MemberId, message: MessageOf<"ackEpoch">): void {
  const leadership = leadershipOf(zab);
  const peer = peerInSession(leadership, from, message);
  if (peer === undefined || peer.stage !== "known") return;
  peer.progress.recentlyActive = true;
  peer.stage = "acknowledged";
  peer.summary = message;
  if (message.counts) peer.acceptedEpoch = true;
  if (leadership.phase !== "discovery") {
    synchronize(zab, leadership, peer);
    return;
  }
  const isAhead = compareHistories(message, historyOf(zab)) > 0;
  if (isAhead && isVoter(membership(zab), from)) {
    // Whoever leads has the latest history of a quorum; this member has not. Elect another.
    zab.abstainTicks = zab.settings.electionTicks;
    becomeLooking(zab);
    return;
  }
  considerQuorum(zab, leadership);
}

/** Leader: a quorum promised this epoch and none of it has a later history. */
export function considerQuorum(zab: Zab, leadership: Leadership): void {
  if (leadership.phase !== "discovery" || leadership.epoch === 0) return;
  const hasAccepted = (member: MemberId) =>
    member === zab.settings.id
      ? zab.durableAcceptedEpoch === leadership.epoch
      : peerOf(leadership, member)?.acceptedEpoch === true;
  if (isQuorum(membership(zab), hasAccepted)) beginSynchronization(zab, leadership);
}

/** Follower: LEADERINFO may have been lost, or refused for the time being. */
export function tickDiscovery(zab: Zab, following: Following): void {
  if (following.phase !== "discovery") return;
  if (++following.resendTicks >= zab.settings.heartbeatTicks) sendFollowerInfo(zab, following);
}

/** On this member's disk first: an epoch is never proposed twice. */
function sendLeaderInfo(zab: Zab, leadership: Leadership, peer: Peer): void {
  const { epoch, phase } = leadership;
  const isEstablished = phase === "broadcast";
  const message = { kind: "leaderInfo", session: peer.session, epoch, isEstablished } as const;
  sendAfterDisk(zab, peer.id, message);
}

function acceptEpoch(zab: Zab, epoch: Epoch): void {
  zab.acceptedEpoch = epoch;
  zab.outbox.stateChanged = true;
}

/** Where each epoch ends in the part of the history that may differ from the leader's. */
function epochEnds(zab: Zab): EpochEnd[] {
  const { log, commitIndex } = zab;
  const ends: EpochEnd[] = [];
  let index = log.lastIndex;
  while (index > commitIndex) {
    const epoch = log.epochAt(index)!;
    ends.push({ epoch, lastIndex: index });
    const before = log.lastIndexWithEpochAtMost(epoch - 1, index);
    // At the base there is no telling what comes before; it is committed.
    if (before >= index || before <= log.baseIndex) break;
    index = before;
  }
  return ends;
}
