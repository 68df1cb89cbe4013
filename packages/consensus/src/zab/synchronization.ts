// Synchronization (Zab §IV phase 2; Zab1.0 phase 2): every follower is brought to exactly the leader's
// history, by what it lacks (DIFF), after dropping what was never committed (TRUNC), or by a snapshot
// (SNAP); then NEWLEADER asks it to take over the epoch, and UPTODATE lets it serve. With a quorum of
// ACKs the whole initial history is committed: no transaction of the new epoch is needed for that.

import { assert } from "../assert.ts";
import type { Index, MemberId } from "../contract.ts";
import type { Entries } from "../entries/entries.ts";
import { isVoter } from "../membership/membership.ts";
import { sendAfterDisk } from "../outbox/outbox.ts";
import { isQuorum } from "../quorum/quorum.ts";
import { advanceCommit, learnCommit, maybeCommit } from "./commit.ts";
import { restartSession } from "./following.ts";
import { type Leadership, leadershipOf, type Peer, peerInSession } from "./leadership.ts";
import { truncateFrom } from "./log-writer.ts";
import { receiveInOrder } from "./loyalty.ts";
import type { MessageOf } from "./messages.ts";
import { sendInSession } from "./replication.ts";
import { membership, type Zab } from "./self.ts";
import { settleTransfer } from "./transfer-settle.ts";

type Log = Pick<Entries, "baseIndex" | "lastIndex" | "epochAt" | "lastIndexWithEpochAtMost">;

/** Leader: the epoch is promised. It takes it over itself, and then everybody who promised. */
export function beginSynchronization(zab: Zab, leadership: Leadership): void {
  leadership.phase = "synchronization";
  leadership.initialIndex = zab.log.lastIndex;
  zab.currentEpoch = leadership.epoch;
  zab.outbox.stateChanged = true;
  for (const peer of leadership.peers) synchronize(zab, leadership, peer);
}

/** Leader: decides between DIFF, TRUNC and SNAP. The transactions themselves follow in `feed`. */
export function synchronize(zab: Zab, leadership: Leadership, peer: Peer): void {
  const { summary } = peer;
  if (peer.stage !== "acknowledged" || summary === undefined) return;
  // Observers get what is committed, which a leader knows only when it is established.
  const votes = isVoter(membership(zab), peer.id);
  if (!votes && leadership.phase !== "broadcast") return;
  const agreedIndex = agreedWith(zab.log, summary);
  if (agreedIndex < zab.log.baseIndex) {
    sendSnapshot(zab, leadership, peer);
    return;
  }
  peer.stage = "fed";
  peer.progress.match = agreedIndex;
  peer.progress.becomeReplicate();
  peer.historyEnd = Math.max(agreedIndex, votes ? zab.log.lastIndex : zab.commitIndex);
  const kind = agreedIndex < summary.lastIndex ? "trunc" : "diff";
  sendInSession(zab, leadership, peer, { kind, agreedIndex });
}

/** Leader: the follower lacks what is no longer in the log. */
export function sendSnapshot(zab: Zab, leadership: Leadership, peer: Peer): void {
  peer.stage = "snapshot";
  peer.snapshotDue = false;
  peer.progress.becomeSnapshot();
  sendInSession(zab, leadership, peer, { kind: "snap" });
  zab.outbox.snapshots.push({ kind: "sendSnapshot", to: peer.id, epoch: leadership.epoch });
}

/**
 * The last transaction that both histories have. Whatever the follower knows to be committed is in
 * both; beyond that, two histories that have transactions of the same epoch agree on them for as far
 * as both go, because one leader proposed them in one order.
 */
export function agreedWith(log: Log, summary: MessageOf<"ackEpoch">): Index {
  let agreed = Math.min(summary.commitIndex, log.lastIndex);
  for (const { epoch, lastIndex } of summary.ends) {
    if (lastIndex <= agreed || lastIndex < log.baseIndex) break;
    const index = log.lastIndexWithEpochAtMost(epoch, lastIndex);
    if (index > agreed && log.epochAt(index) === epoch) agreed = index;
  }
  return agreed;
}

/** Follower: what this member has is the beginning of what the leader has. */
export function handleDiff(zab: Zab, from: MemberId, message: MessageOf<"diff">): void {
  const following = receiveInOrder(zab, from, message);
  if (following === undefined) return;
  if (message.agreedIndex !== zab.log.lastIndex) restartSession(zab, following);
  else following.hasAgreed = true;
}

/** Follower: what comes after was proposed by an earlier leader and never committed. */
export function handleTrunc(zab: Zab, from: MemberId, message: MessageOf<"trunc">): void {
  const following = receiveInOrder(zab, from, message);
  if (following === undefined) return;
  assert(message.agreedIndex >= zab.commitIndex, "a leader has every committed transaction");
  truncateFrom(zab, message.agreedIndex + 1);
  following.hasAgreed = true;
}

export function handleSnap(zab: Zab, from: MemberId, message: MessageOf<"snap">): void {
  const following = receiveInOrder(zab, from, message);
  if (following !== undefined) following.awaitsSnapshot = true;
}

/**
 * Follower: the whole history has arrived. It is written before the epoch is, and both before the
 * answer leaves: an epoch on disk says that its history is (Zab1.0 phase 2, follower).
 */
export function handleNewLeader(zab: Zab, from: MemberId, message: MessageOf<"newLeader">): void {
  const following = receiveInOrder(zab, from, message);
  if (following === undefined) return;
  if (!following.hasAgreed || message.lastIndex !== zab.log.lastIndex) {
    restartSession(zab, following);
    return;
  }
  if (zab.currentEpoch !== following.epoch) {
    zab.currentEpoch = following.epoch;
    zab.outbox.stateChanged = true;
  }
  const { session, epoch } = following;
  sendAfterDisk(zab, from, { kind: "ackNewLeader", session, epoch, index: zab.log.lastIndex });
}

export function handleAckNewLeader(
  zab: Zab,
  from: MemberId,
  message: MessageOf<"ackNewLeader">,
): void {
  const leadership = leadershipOf(zab);
  const peer = peerInSession(leadership, from, message);
  if (peer !== undefined) noteSynchronized(zab, leadership, peer, message.index);
}

/** Leader: a follower took over history and epoch, durably. */
export function noteSynchronized(zab: Zab, leadership: Leadership, peer: Peer, index: Index): void {
  if (!peer.newLeaderSent || index > zab.log.lastIndex) return;
  peer.progress.recentlyActive = true;
  peer.progress.acknowledged(index);
  peer.isSynchronized = true;
  // From now on what it acknowledged before counts as well.
  if (leadership.phase === "broadcast") maybeCommit(zab);
  else considerEstablished(zab, leadership);
}

/** Leader: with a quorum of ACKs to NEWLEADER its history is the history. */
export function considerEstablished(zab: Zab, leadership: Leadership): void {
  if (leadership.phase !== "synchronization") return;
  const isCurrent = (member: MemberId) =>
    member === zab.settings.id
      ? zab.durableCurrentEpoch === leadership.epoch
      : leadership.peers.some((peer) => peer.id === member && peer.isSynchronized);
  if (!isQuorum(membership(zab), isCurrent)) return;
  leadership.phase = "broadcast";
  settleTransfer(zab);
  advanceCommit(zab, leadership, leadership.initialIndex);
  // Committing may have ended this leadership: a member that was voted out.
  if (zab.leadership !== leadership) return;
  for (const peer of leadership.peers) synchronize(zab, leadership, peer);
}

/** Follower: a quorum stands behind the leader. Now this member serves. */
export function handleUpToDate(zab: Zab, from: MemberId, message: MessageOf<"upToDate">): void {
  const following = receiveInOrder(zab, from, message);
  if (following === undefined) return;
  following.phase = "broadcast";
  following.isEstablished = true;
  learnCommit(zab, message.commitIndex);
  settleTransfer(zab);
}
