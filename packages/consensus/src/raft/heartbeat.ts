// Heartbeats: they keep followers loyal, carry the commit index as far as the follower is known to
// agree, and are the rounds that confirm leadership (reads, lease, the quorum that a leader needs to
// go on: dissertation §6.2).

import type { MemberId } from "../contract.ts";
import { priorityNow } from "../core/settings.ts";
import { answerLeader, send } from "../outbox/outbox.ts";
import { isQuorum } from "../quorum/quorum.ts";
import { learnCommit } from "./commit.ts";
import { type Leadership, leadershipOf, peerOf } from "./leadership.ts";
import { hearLeader } from "./loyalty.ts";
import type { MessageOf } from "./messages.ts";
import { confirmRounds, openRound } from "./reads.ts";
import { probeStalledWindow } from "./replication.ts";
import { becomeFollower } from "./role.ts";
import { membership, type Raft } from "./self.ts";
import { isIncomingVoter } from "./successor.ts";
import { repeatTimeoutNow } from "./transfer.ts";

/** A leader's turn ends: the heartbeat that is due, or one out of turn for reads. */
export function sendHeartbeats(raft: Raft, leadership: Leadership): void {
  const isDue = leadership.heartbeatDue;
  leadership.heartbeatDue = false;
  const round = openRound(raft, leadership);
  const { term } = raft;
  const { votersOutgoing } = membership(raft);
  for (const peer of leadership.peers) {
    const isVoter = isIncomingVoter(raft, peer.id) || votersOutgoing.includes(peer.id);
    if (!isDue && !isVoter) continue;
    const commitIndex = Math.min(peer.match, raft.commitIndex);
    peer.commitTold = Math.max(peer.commitTold, commitIndex);
    send(raft, peer.id, { kind: "heartbeatRequest", term, commitIndex, round });
    if (isDue) probeStalledWindow(raft, peer);
  }
  if (isDue) repeatTimeoutNow(raft);
  // A member that is a quorum of one confirms itself.
  confirmRounds(raft, leadership);
}

export function handleHeartbeatRequest(
  raft: Raft,
  from: MemberId,
  message: MessageOf<"heartbeatRequest">,
): void {
  if (!hearLeader(raft, from)) return;
  learnCommit(raft, message.commitIndex);
  answerHeartbeat(raft, from, message);
}

export function handleCommitNotice(
  raft: Raft,
  from: MemberId,
  message: MessageOf<"commitNotice">,
): void {
  if (hearLeader(raft, from)) learnCommit(raft, message.commitIndex);
}

/** A member that installs a snapshot is alive and loyal, and learns nothing. */
export function hearWhileInstalling(
  raft: Raft,
  from: MemberId,
  message: MessageOf<"appendRequest" | "heartbeatRequest" | "commitNotice">,
): void {
  if (!hearLeader(raft, from)) return;
  if (message.kind === "heartbeatRequest") answerHeartbeat(raft, from, message);
}

function answerHeartbeat(
  raft: Raft,
  from: MemberId,
  { round }: MessageOf<"heartbeatRequest">,
): void {
  const priority = priorityNow(raft);
  answerLeader(raft, from, { kind: "heartbeatResponse", term: raft.term, round, priority });
}

export function handleHeartbeatResponse(
  raft: Raft,
  from: MemberId,
  message: MessageOf<"heartbeatResponse">,
): void {
  const leadership = leadershipOf(raft);
  const peer = peerOf(leadership, from);
  if (peer === undefined) return;
  peer.recentlyActive = true;
  if (message.round > peer.probeRound) peer.probeSent = false;
  peer.priority = message.priority;
  const { roundAnswered, lastRound } = leadership;
  if (message.round > lastRound) return;
  if (message.round > (roundAnswered.get(from) ?? 0)) roundAnswered.set(from, message.round);
  confirmRounds(raft, leadership);
}

/** Every election timeout: a leader that a quorum no longer answers leads nobody. */
export function checkQuorum(raft: Raft, leadership: Leadership): void {
  const { id } = raft.settings;
  const active = new Set(leadership.peers.filter((p) => p.recentlyActive).map((p) => p.id));
  if (!isQuorum(membership(raft), (member) => member === id || active.has(member))) {
    becomeFollower(raft, raft.term, undefined);
    return;
  }
  leadership.activeBefore = active;
  for (const peer of leadership.peers) peer.recentlyActive = false;
  leadership.lastIndexAtCheckBefore = leadership.lastIndexAtCheck;
  leadership.lastIndexAtCheck = raft.log.lastIndex;
}
