// The leader's side of replication (Raft §5.3, dissertation §10.2): messages are built when a turn
// ends, so that all its proposals travel in one message per follower, and are pipelined within a
// window. Who refuses is probed for the point of agreement; who is too far behind gets a snapshot.

import type { MemberId } from "../contract.ts";
import { send } from "../outbox/outbox.ts";
import type { Progress } from "../progress/progress.ts";
import { maybeCommit } from "./commit.ts";
import { type Leadership, leadershipOf, peerOf } from "./leadership.ts";
import type { MessageOf } from "./messages.ts";
import type { Raft } from "./self.ts";

/** A leader's turn ends: everything that may be sent is. */
export function replicate(raft: Raft, leadership: Leadership): void {
  // Followers that are equally far get the same message object: it is built, and encoded, once.
  let last: MessageOf<"appendRequest"> | undefined;
  for (const peer of leadership.peers) {
    while (!peer.isPaused()) {
      const hasEntries = peer.next <= raft.log.lastIndex;
      if (!hasEntries && peer.state === "replicate") break;
      if (last === undefined || last.previousIndex !== peer.next - 1) {
        const built = buildAppend(raft, peer);
        if (built === undefined) {
          askForSnapshot(raft, peer);
          break;
        }
        last = built;
      }
      sendAppend(raft, peer, last);
      peer.probeRound = leadership.lastRound;
    }
    tellCommit(raft, peer);
  }
}

/** A window that has not moved for a heartbeat: perhaps its messages were lost. Ask. */
export function probeStalledWindow(raft: Raft, peer: Progress): void {
  const isStalled = peer.inFlight.count > 0 && peer.match === peer.matchAtHeartbeat;
  peer.matchAtHeartbeat = peer.match;
  if (peer.state !== "replicate" || !isStalled) return;
  const previousTerm = raft.log.epochAt(peer.next - 1);
  if (previousTerm === undefined) {
    // Compacted meanwhile: begin again, which will ask for a snapshot.
    peer.becomeProbe();
    return;
  }
  send(raft, peer.id, {
    kind: "appendRequest",
    term: raft.term,
    previousIndex: peer.next - 1,
    previousTerm,
    commitIndex: raft.commitIndex,
    entries: [],
  });
}

export function handleAppendResponse(
  raft: Raft,
  from: MemberId,
  message: MessageOf<"appendResponse">,
): void {
  const peer = peerOf(leadershipOf(raft), from);
  // A match past the end of the log cannot come from a follower of this leader.
  if (peer === undefined || message.matchIndex > raft.log.lastIndex) return;
  peer.recentlyActive = true;
  const moved = peer.acknowledged(message.matchIndex);
  if (peer.state === "probe") {
    if (moved || peer.match === message.matchIndex) peer.becomeReplicate();
  } else if (peer.state === "snapshot" && peer.match >= raft.log.baseIndex) {
    peer.becomeReplicate();
  }
  if (moved) maybeCommit(raft);
}

export function handleAppendRefusal(
  raft: Raft,
  from: MemberId,
  message: MessageOf<"appendRefusal">,
): void {
  const peer = peerOf(leadershipOf(raft), from);
  if (peer === undefined) return;
  peer.recentlyActive = true;
  const agreed = raft.log.lastIndexWithEpochAtMost(message.hintTerm, message.hintIndex);
  peer.refused(message.previousIndex, Math.min(agreed, message.hintIndex));
}

/** The transport could not deliver: what was in flight is in doubt. */
export function noteUnreachable(raft: Raft, member: MemberId): void {
  const peer = raft.leadership && peerOf(raft.leadership, member);
  if (peer?.state === "replicate") peer.becomeProbe();
}

export function noteReachable(raft: Raft, member: MemberId): void {
  const peer = raft.leadership && peerOf(raft.leadership, member);
  if (raft.leadership === undefined || peer === undefined) return;
  peer.probeSent = false;
  raft.leadership.heartbeatDue = true;
}

/** Undefined when the entry before is compacted. */
function buildAppend(raft: Raft, peer: Progress): MessageOf<"appendRequest"> | undefined {
  const { log, term, commitIndex } = raft;
  const previousTerm = log.epochAt(peer.next - 1);
  if (previousTerm === undefined) return undefined;
  return {
    kind: "appendRequest",
    term,
    previousIndex: peer.next - 1,
    previousTerm,
    commitIndex,
    entries: log.sliceOfBytes(peer.next, raft.settings.limits.messageBytesMax),
  };
}

function sendAppend(raft: Raft, peer: Progress, message: MessageOf<"appendRequest">): void {
  send(raft, peer.id, message);
  const lastSent = message.previousIndex + message.entries.length;
  peer.commitTold = Math.max(peer.commitTold, Math.min(message.commitIndex, lastSent));
  peer.sent(lastSent);
}

/** Followers apply, and answer their clients, as soon as they know; they do not wait for a tick. */
function tellCommit(raft: Raft, peer: Progress): void {
  const commitIndex = Math.min(peer.match, raft.commitIndex);
  if (peer.state !== "replicate" || commitIndex <= peer.commitTold) return;
  peer.commitTold = commitIndex;
  send(raft, peer.id, { kind: "commitNotice", term: raft.term, commitIndex });
}

function askForSnapshot(raft: Raft, peer: Progress): void {
  // Nobody streams gigabytes to a member that does not answer.
  if (!peer.recentlyActive) {
    peer.probeSent = true;
    return;
  }
  peer.becomeSnapshot();
  raft.outbox.snapshots.push({ kind: "sendSnapshot", to: peer.id, epoch: raft.term });
}
