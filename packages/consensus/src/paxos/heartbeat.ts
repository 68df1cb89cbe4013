// Heartbeats: they keep followers loyal, carry the commit index, find out what was lost, and are the
// rounds that confirm the lead (reads, the master lease of Paxos Made Live §5.2, the quorum that a
// leader needs to go on).

import type { MemberId } from "../contract.ts";
import { priorityNow } from "../core/settings.ts";
import { answerLeader, send, sendAfterDisk } from "../outbox/outbox.ts";
import { learnCommit, maybeCommit } from "./commit.ts";
import { type Leadership, lastSlot, leadershipOf, peerOf } from "./leadership.ts";
import { rememberedIndex } from "./log-writer.ts";
import { hearLeader } from "./loyalty.ts";
import { maybeStepAside } from "./membership-change.ts";
import type { MessageOf } from "./messages.ts";
import { askForPromises } from "./prepare.ts";
import { isAcceptQuorum } from "./quorums.ts";
import { confirmRounds, openRound } from "./reads.ts";
import { noteMatch, resendLost, watchForLoss } from "./replication.ts";
import { becomeFollower } from "./role.ts";
import { membership, type Paxos } from "./self.ts";
import { watchInstall } from "./snapshot.ts";
import { isIncomingVoter } from "./successor.ts";
import { repeatTakeOver } from "./transfer.ts";

/** A leader's turn ends: the heartbeat that is due, or one out of turn for reads. */
export function sendHeartbeats(paxos: Paxos, leadership: Leadership): void {
  const isDue = leadership.heartbeatDue;
  leadership.heartbeatDue = false;
  const round = openRound(paxos, leadership);
  const { promised, commitIndex } = paxos;
  const { votersOutgoing } = membership(paxos);
  for (const peer of leadership.peers) {
    const isVoter = isIncomingVoter(paxos, peer.id) || votersOutgoing.includes(peer.id);
    if (!isDue && !isVoter) continue;
    peer.commitTold = commitIndex;
    send(paxos, peer.id, { kind: "heartbeatRequest", ballot: promised, commitIndex, round });
    if (!isDue) continue;
    watchForLoss(peer, round);
    watchInstall(leadership, peer);
  }
  if (isDue) {
    repeatTakeOver(paxos);
    if (!leadership.isPrepared) askForPromises(paxos);
  }
  // A member that is a quorum of one confirms itself.
  confirmRounds(paxos, leadership);
}

export function handleHeartbeatRequest(
  paxos: Paxos,
  from: MemberId,
  message: MessageOf<"heartbeatRequest">,
): void {
  hearLeader(paxos, message.ballot);
  learnCommit(paxos, message.commitIndex);
  answerHeartbeat(paxos, from, message);
}

/** A member that installs a snapshot is alive and loyal, and neither accepts nor learns anything. */
export function hearWhileInstalling(
  paxos: Paxos,
  from: MemberId,
  message: MessageOf<"acceptRequest" | "heartbeatRequest" | "commitNotice">,
): void {
  hearLeader(paxos, message.ballot);
  if (message.kind === "heartbeatRequest") answerHeartbeat(paxos, from, message);
}

function answerHeartbeat(
  paxos: Paxos,
  from: MemberId,
  { ballot, round }: MessageOf<"heartbeatRequest">,
): void {
  const { receivedIndex, durableIndex, commitIndex } = paxos;
  const remembered = rememberedIndex(paxos);
  const response = {
    kind: "heartbeatResponse",
    ballot,
    round,
    priority: priorityNow(paxos),
    matchIndex: Math.min(receivedIndex, durableIndex),
    receivedIndex,
    commitIndex: remembered,
  } as const;
  answerLeader(paxos, from, response);
  // A change of the membership waits for this: not until the next heartbeat.
  if (remembered < commitIndex) sendAfterDisk(paxos, from, { ...response, commitIndex });
}

export function handleCommitNotice(
  paxos: Paxos,
  _from: MemberId,
  message: MessageOf<"commitNotice">,
): void {
  hearLeader(paxos, message.ballot);
  learnCommit(paxos, message.commitIndex);
}

export function handleHeartbeatResponse(
  paxos: Paxos,
  from: MemberId,
  message: MessageOf<"heartbeatResponse">,
): void {
  const leadership = leadershipOf(paxos);
  const peer = peerOf(leadership, from);
  const { roundAnswered, lastRound } = leadership;
  const { round } = message;
  if (peer === undefined || round > lastRound) return;
  peer.recentlyActive = true;
  peer.priority = message.priority;
  peer.commitIndex = Math.max(peer.commitIndex, message.commitIndex);
  noteMatch(paxos, leadership, peer, message.matchIndex);
  resendLost(paxos, peer, round, message.receivedIndex);
  if (round > (roundAnswered.get(from) ?? 0)) roundAnswered.set(from, round);
  confirmRounds(paxos, leadership);
  maybeCommit(paxos);
  maybeStepAside(paxos, false);
}

/** Every election timeout: a leader that a quorum no longer answers leads nobody. */
export function checkQuorum(paxos: Paxos, leadership: Leadership): void {
  const { id, quorums } = paxos.settings;
  const active = new Set(leadership.peers.filter((p) => p.recentlyActive).map((p) => p.id));
  const has = (member: MemberId) => member === id || active.has(member);
  if (!isAcceptQuorum(quorums, membership(paxos), has)) {
    becomeFollower(paxos, paxos.promised, false);
    return;
  }
  leadership.activeBefore = active;
  for (const peer of leadership.peers) peer.recentlyActive = false;
  leadership.lastSlotAtCheckBefore = leadership.lastSlotAtCheck;
  leadership.lastSlotAtCheck = lastSlot(leadership);
  maybeStepAside(paxos, true);
}
