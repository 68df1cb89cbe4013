// Checkpoints (Paxos Made Live §5.5; what is chosen may be forgotten slot by slot once it is in a
// snapshot): who lacks slots that are compacted gets the store instead, from the leader or, for a
// proposer that is about to lead, from an acceptor. A snapshot holds chosen values only, so it is
// welcome from whoever sends it; what was accepted in slots after its point stays.

import type { Epoch, Input, LogPoint, MemberId } from "../contract.ts";
import { install } from "../outbox/outbox.ts";
import { peerOf } from "./leadership.ts";
import { forgetMemberships } from "./log-writer.ts";
import { askForPromises, maybeLead } from "./prepare.ts";
import type { Paxos } from "./self.ts";

type SentInput = Extract<Input<never>, { readonly kind: "snapshotSent" }>;

/** An acceptor: the proposer that asks lacks what is compacted here. */
export function streamTo(paxos: Paxos, member: MemberId): void {
  if (paxos.streaming.has(member)) return;
  paxos.streaming.add(member);
  const epoch = paxos.promised.round;
  paxos.outbox.snapshots.push({ kind: "sendSnapshot", to: member, epoch });
}

/** The stream ended. What the receiver says to hold tells whether it was of use. */
export function noteSnapshotSent(paxos: Paxos, { to }: SentInput): void {
  paxos.streaming.delete(to);
  const { leadership } = paxos;
  const peer = leadership && peerOf(leadership, to);
  if (leadership === undefined || peer?.state !== "snapshot") return;
  peer.becomeProbe();
  // Not before the next sign of life: a follower that fails must not be streamed to in a loop.
  peer.probeRound = leadership.lastRound;
}

/** A verified snapshot is staged. */
export function noteSnapshotReceived(
  paxos: Paxos,
  from: MemberId,
  _epoch: Epoch,
  point: LogPoint,
): void {
  if (paxos.leadership !== undefined || paxos.installing !== undefined) return;
  if (point.index <= paxos.commitIndex) return;
  // Nothing is applied before the snapshot is in place.
  paxos.installing = { from, point };
  install(paxos, from, point);
}

/** The store now is the snapshot, and the log begins after it. */
export function noteSnapshotInstalled(paxos: Paxos, point: LogPoint): void {
  const { installing, log } = paxos;
  if (installing === undefined || installing.point.index !== point.index) return;
  paxos.installing = undefined;
  const { index, membership } = point;
  log.compact(index);
  if (paxos.memberships[paxos.memberships.length - 1]!.index < index) {
    paxos.memberships.push({ index, membership });
    paxos.outbox.membershipChanged = true;
  }
  forgetMemberships(paxos);
  for (const mark of ["commitIndex", "toldIndex", "receivedIndex", "durableIndex"] as const) {
    paxos[mark] = Math.max(paxos[mark], index);
  }
  paxos.applySentIndex = index;
  paxos.appliedIndex = index;
  askForPromises(paxos);
  maybeLead(paxos);
}
