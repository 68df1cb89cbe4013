// Snapshots (SNAP): when a leader no longer has what a follower needs, the runtime streams its store
// instead. A snapshot is in place, durably, before anything that builds on it is asked for: the
// follower then begins a new session and is brought up to date from there.

import type { Epoch, Input, LogPoint, MemberId } from "../contract.ts";
import {
  beginInstalling,
  endInstalling,
  isOfStream,
  replaceLog,
} from "../installing/installing.ts";
import { restartSession } from "./following.ts";
import { peerOf } from "./leadership.ts";
import { dropSessionAnswers } from "./outbox.ts";
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
  if (zab.installing !== undefined || !isOfStream(epoch, point)) return;
  if (point.index <= zab.commitIndex || zab.log.epochAt(point.index) === point.epoch) {
    // The log has all of it and perhaps more: it is kept.
    zab.commitIndex = Math.max(zab.commitIndex, point.index);
    if (following.awaitsSnapshot) restartSession(zab, following);
    return;
  }
  // What this turn was about to acknowledge is about to be dropped.
  following.hasAgreed = false;
  following.ackDue = false;
  dropSessionAnswers(zab);
  beginInstalling(zab, from, point);
}

/** The store and the log are the snapshot, on disk: with this history a new session begins. */
export function noteSnapshotInstalled(zab: Zab, point: LogPoint): void {
  if (endInstalling(zab, point) === undefined) return;
  replaceLog(zab, point);
  if (zab.following !== undefined) restartSession(zab, zab.following);
}
