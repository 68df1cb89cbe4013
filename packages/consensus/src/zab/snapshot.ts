// Snapshots (SNAP): when a leader no longer has what a follower needs, the runtime streams its store
// instead. A snapshot is in place, durably, before anything that builds on it is asked for: the
// follower then begins a new session and is brought up to date from there.

import type { Epoch, Input, LogPoint, MemberId } from "../contract.ts";
import { forgetLog } from "../outbox/log-writes.ts";
import { install } from "../outbox/outbox.ts";
import { restartSession } from "./following.ts";
import { peerOf } from "./leadership.ts";
import type { Zab } from "./self.ts";

type SentInput = Extract<Input<never>, { readonly kind: "snapshotSent" }>;

/** Leader: the stream ended. The follower's next session tells whether it was of use. */
export function noteSnapshotSent(zab: Zab, { to, ok }: SentInput): void {
  const peer = zab.leadership && peerOf(zab.leadership, to);
  // Not before the next sign of life: a follower that fails must not be streamed to in a loop.
  if (peer?.stage === "snapshot" && !ok) peer.snapshotDue = true;
}

/** Follower: a verified snapshot is staged. */
export function noteSnapshotReceived(
  zab: Zab,
  from: MemberId,
  epoch: Epoch,
  point: LogPoint,
): void {
  const { following } = zab;
  if (following?.leader !== from || zab.acceptedEpoch !== epoch) return;
  if (zab.installing !== undefined) return;
  if (point.index <= zab.commitIndex || zab.log.epochAt(point.index) === point.epoch) {
    // The log has all of it and perhaps more: it is kept.
    zab.commitIndex = Math.max(zab.commitIndex, point.index);
    if (following.awaitsSnapshot) restartSession(zab, following);
    return;
  }
  // The point is committed, so whatever of this log is not before it is in no leader's history.
  zab.log.reset(point.index, point.epoch);
  forgetLog(zab, point.index);
  zab.memberships = [{ index: point.index, membership: point.membership }];
  zab.outbox.membershipChanged = true;
  zab.commitIndex = point.index;
  following.hasAgreed = false;
  following.ackDue = false;
  // Nothing is applied or acknowledged before the snapshot is in place.
  zab.installing = { from, point };
  install(zab, from, point);
}

/** The store now is the snapshot. */
export function noteSnapshotInstalled(zab: Zab, point: LogPoint): void {
  if (zab.installing?.point.index !== point.index) return;
  zab.installing = undefined;
  zab.durableIndex = point.index;
  zab.applySentIndex = point.index;
  zab.appliedIndex = point.index;
  if (zab.following !== undefined) restartSession(zab, zab.following);
}
