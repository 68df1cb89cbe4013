// Snapshots (Raft §7, dissertation §5): when a leader no longer has what a follower needs, the
// runtime streams its store instead. The core decides when that starts, whether one that arrived is
// still wanted, and what of the log survives it.

import type { Epoch, Index, Input, LogPoint, MemberId } from "../contract.ts";
import {
  beginInstalling,
  endInstalling,
  isOfStream,
  replaceLog,
} from "../installing/installing.ts";
import { sendAfterDisk } from "../outbox/outbox.ts";
import { peerOf } from "./leadership.ts";
import { hearLeader } from "./loyalty.ts";
import { dropAcknowledgements } from "./outbox.ts";
import { becomeFollower } from "./role.ts";
import type { Raft } from "./self.ts";

type SentInput = Extract<Input<never>, { readonly kind: "snapshotSent" }>;

/** Leader: the stream ended. The follower's acknowledgement tells whether it was of use. */
export function noteSnapshotSent(raft: Raft, { to, ok, index }: SentInput): void {
  const peer = raft.leadership && peerOf(raft.leadership, to);
  if (peer?.state !== "snapshot") return;
  peer.becomeProbe(ok && index <= raft.log.lastIndex ? index + 1 : peer.match + 1);
  // Not before the next sign of life: a follower that fails must not be streamed to in a loop.
  peer.probeSent = true;
}

/** Follower: a verified snapshot is staged. */
export function noteSnapshotReceived(
  raft: Raft,
  from: MemberId,
  epoch: Epoch,
  point: LogPoint,
): void {
  if (epoch < raft.term || raft.role === "leader" || raft.installing !== undefined) return;
  if (!isOfStream(epoch, point)) return;
  if (epoch > raft.term) becomeFollower(raft, epoch, undefined);
  if (!hearLeader(raft, from)) return;
  if (point.index <= raft.commitIndex) {
    acknowledge(raft, from, raft.commitIndex);
    return;
  }
  if (raft.log.epochAt(point.index) === point.epoch) {
    // The log has all of it and perhaps more: it is kept, and what the snapshot proves is learned.
    raft.commitIndex = point.index;
    acknowledge(raft, from, point.index);
    return;
  }
  // Acknowledgements of this turn name entries that are about to be dropped.
  dropAcknowledgements(raft);
  beginInstalling(raft, from, point);
}

/** The store and the log are the snapshot, on disk. */
export function noteSnapshotInstalled(raft: Raft, point: LogPoint): void {
  const installed = endInstalling(raft, point);
  if (installed === undefined) return;
  replaceLog(raft, point);
  acknowledge(raft, raft.leader ?? installed.from, point.index);
}

function acknowledge(raft: Raft, to: MemberId, matchIndex: Index): void {
  sendAfterDisk(raft, to, { kind: "appendResponse", term: raft.term, matchIndex });
}
