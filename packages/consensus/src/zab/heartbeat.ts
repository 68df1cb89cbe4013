// Pings: they keep sessions alive, tell a follower when it has lost something, and are the rounds that
// confirm leadership (reads, lease, the quorum of followers that a leader needs to go on).

import type { Index, MemberId } from "../contract.ts";
import { priorityNow } from "../core/settings.ts";
import { isVoter } from "../membership/membership.ts";
import { answerLeader } from "../outbox/outbox.ts";
import { isQuorum } from "../quorum/quorum.ts";
import { sendAckEpoch } from "./discovery.ts";
import { notify } from "./election.ts";
import { type Following, restartSession, sendFollowerInfo } from "./following.ts";
import { forgetSession, type Leadership, leadershipOf, peerInSession } from "./leadership.ts";
import { hearLeader, inSession } from "./loyalty.ts";
import type { MessageOf } from "./messages.ts";
import { confirmRounds, openRound } from "./reads.ts";
import { noteAcknowledged, sendInSession } from "./replication.ts";
import { becomeLooking } from "./role.ts";
import { membership, type Zab } from "./self.ts";
import { noteSynchronized, sendSnapshot } from "./synchronization.ts";

/** A leader's turn ends: the heartbeat that is due, or one out of turn for reads. */
export function sendHeartbeats(zab: Zab, leadership: Leadership): void {
  const isDue = leadership.heartbeatDue;
  leadership.heartbeatDue = false;
  const round = openRound(zab, leadership);
  for (const peer of leadership.peers) {
    if (!isDue && !isVoter(membership(zab), peer.id)) continue;
    // A member that does not follow yet is told whom to follow.
    if (peer.stage !== "absent") sendInSession(zab, leadership, peer, { kind: "ping", round });
    else if (isDue) notify(zab, peer.id);
  }
  // A member that is a quorum of one confirms itself.
  confirmRounds(zab, leadership);
}

export function handlePing(zab: Zab, from: MemberId, message: MessageOf<"ping">): void {
  const following = inSession(zab, from, message);
  if (following === undefined) return;
  hearLeader(zab, following);
  const { phase, epoch, received, hasAgreed } = following;
  if (phase === "discovery") {
    // The leader has an epoch, and this member has not heard which.
    if (message.epoch > 0) sendFollowerInfo(zab, following);
    return;
  }
  // More was sent: something is lost. Less: the leader began this session a second time, because what
  // asks for it came twice, and waits for what this member said already.
  if (message.sequence !== received) {
    restartSession(zab, following);
    return;
  }
  if (received === 0) sendAckEpoch(zab, following);
  const index = hasAgreed ? Math.min(zab.durableIndex, zab.log.lastIndex) : 0;
  answerPing(zab, following, message, index, zab.durableCurrentEpoch === epoch);
}

/** A member that installs a snapshot is alive and loyal, and has no history to tell of. */
export function hearWhileInstalling(zab: Zab, from: MemberId, message: MessageOf<"ping">): void {
  const following = inSession(zab, from, message);
  if (following === undefined) return;
  hearLeader(zab, following);
  if (following.phase !== "discovery") answerPing(zab, following, message, 0, false);
}

function answerPing(
  zab: Zab,
  { leader, session, epoch }: Following,
  { round }: MessageOf<"ping">,
  index: Index,
  isCurrent: boolean,
): void {
  const priority = priorityNow(zab);
  answerLeader(zab, leader, { kind: "pong", session, epoch, round, index, isCurrent, priority });
}

export function handlePong(zab: Zab, from: MemberId, message: MessageOf<"pong">): void {
  const leadership = leadershipOf(zab);
  const peer = peerInSession(leadership, from, message);
  if (peer === undefined) return;
  peer.progress.recentlyActive = true;
  peer.progress.priority = message.priority;
  if (peer.snapshotDue) sendSnapshot(zab, leadership, peer);
  const { roundAnswered, lastRound } = leadership;
  if (message.round <= lastRound && message.round > (roundAnswered.get(from) ?? 0)) {
    roundAnswered.set(from, message.round);
    confirmRounds(zab, leadership);
  }
  noteAcknowledged(zab, leadership, peer, message.index);
  const isWhole = message.isCurrent && message.index >= peer.historyEnd;
  if (zab.leadership === leadership && isWhole) {
    noteSynchronized(zab, leadership, peer, message.index);
  }
}

/** Every election timeout: a leader that a quorum no longer answers leads nobody. */
export function checkQuorum(zab: Zab, leadership: Leadership): void {
  const { id } = zab.settings;
  const peers = leadership.peers.filter((peer) => peer.progress.recentlyActive);
  const active = new Set(peers.map((peer) => peer.id));
  const isFollowed = isQuorum(membership(zab), (member) => member === id || active.has(member));
  // Nor may it be for ever on the way to its epoch (Zab1.0: initLimit).
  if (!isFollowed || leadership.phase === "discovery") {
    becomeLooking(zab);
    return;
  }
  leadership.activeBefore = active;
  for (const peer of leadership.peers) {
    // Its session is over; whoever restarted may not know this leader, and is told again.
    if (!peer.progress.recentlyActive) forgetSession(zab, peer);
    peer.progress.recentlyActive = false;
  }
  leadership.lastIndexAtCheckBefore = leadership.lastIndexAtCheck;
  leadership.lastIndexAtCheck = zab.log.lastIndex;
}
