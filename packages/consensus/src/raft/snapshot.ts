// Snapshots (Raft §7, dissertation §5): when a leader no longer has what a follower needs, the
// runtime streams its store instead. The core decides when that starts, whether one that arrived is
// still wanted, and what of the log survives it.

import type { Epoch, Index, Input, LogPoint, MemberId } from "../contract.ts";
import { forgetLog } from "../outbox/log-writes.ts";
import { install, sendAfterDisk } from "../outbox/outbox.ts";
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
  // Acknowledgements of this turn name entries that will now never be written.
  dropAcknowledgements(raft);
  raft.log.reset(point.index, point.epoch);
  forgetLog(raft, point.index);
  raft.memberships = [{ index: point.index, membership: point.membership }];
  raft.outbox.membershipChanged = true;
  raft.commitIndex = point.index;
  // Nothing is applied or acknowledged before the snapshot is in place.
  raft.installing = { from, point };
  install(raft, from, point);
}

/** The store now is the snapshot. */
export function noteSnapshotInstalled(raft: Raft, point: LogPoint): void {
  const installing = raft.installing;
  if (installing === undefined || installing.point.index !== point.index) return;
  raft.installing = undefined;
  raft.durableIndex = point.index;
  raft.applySentIndex = point.index;
  raft.appliedIndex = point.index;
  acknowledge(raft, raft.leader ?? installing.from, point.index);
}

function acknowledge(raft: Raft, to: MemberId, matchIndex: Index): void {
  sendAfterDisk(raft, to, { kind: "appendResponse", term: raft.term, matchIndex });
}
