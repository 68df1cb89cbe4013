// Checkpoints (Paxos Made Live §5.5; what is chosen may be forgotten slot by slot once it is in a
// snapshot): who lacks slots that are compacted gets the store instead, from the leader or, for a
// proposer that is about to lead, from an acceptor. A snapshot holds chosen values only, so it is
// welcome from whoever sends it; what was accepted in slots after its point stays.

import type { Epoch, Input, LogPoint, MemberId } from "../contract.ts";
import { beginInstalling, endInstalling } from "../installing/installing.ts";
import { advanceReceived, learnCommit } from "./commit.ts";
import { type Leadership, type Peer, peerOf } from "./leadership.ts";
import { advanceDurable, forgetMemberships } from "./log-writer.ts";
import { askForPromises, maybeLead } from "./prepare.ts";
import { becomeFollower } from "./role.ts";
import type { Paxos } from "./self.ts";

type SentInput = Extract<Input<never>, { readonly kind: "snapshotSent" }>;

/** An acceptor: the proposer that asks lacks what is compacted here. */
export function streamTo(paxos: Paxos, member: MemberId): void {
  // A store that is about to be replaced is streamed to nobody.
  if (paxos.installing !== undefined || paxos.streaming.has(member)) return;
  paxos.streaming.add(member);
  const epoch = paxos.promised.round;
  paxos.outbox.snapshots.push({ kind: "sendSnapshot", to: member, epoch });
}

/** Heartbeats after which a snapshot that arrived, and is not in place yet, is taken for lost. */
const installHeartbeatsMax = 30;

/** The stream ended. What the receiver says to hold tells whether it was of use. */
export function noteSnapshotSent(paxos: Paxos, { to, ok }: SentInput): void {
  paxos.streaming.delete(to);
  const { leadership } = paxos;
  const peer = leadership && peerOf(leadership, to);
  if (leadership === undefined || peer?.state !== "snapshot") return;
  // It goes on answering as it was until the snapshot is in place, and needs no second one meanwhile.
  if (ok) peer.installHeartbeats = installHeartbeatsMax;
  else pauseUntilHeard(leadership, peer);
}

/** A heartbeat leaves: a snapshot may never get into place, if its receiver died. */
export function watchInstall(leadership: Leadership, peer: Peer): void {
  if (peer.installHeartbeats > 0 && --peer.installHeartbeats === 0) {
    pauseUntilHeard(leadership, peer);
  }
}

/** Not before the next sign of life: a follower that fails must not be streamed to in a loop. */
function pauseUntilHeard(leadership: Leadership, peer: Peer): void {
  if (peer.state !== "snapshot") return;
  peer.becomeProbe();
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
  // Whoever prepares goes on once it holds what it lacked; who only canvasses has not begun.
  if (paxos.role === "canvasser") becomeFollower(paxos, paxos.promised, false);
  beginInstalling(paxos, from, point);
  // On disk before the store is replaced: a restart must know that it was not this log that led there.
  paxos.outbox.stateChanged = true;
}

/** The store now is the snapshot, and the log begins after it. */
export function noteSnapshotInstalled(paxos: Paxos, point: LogPoint): void {
  if (endInstalling(paxos, point) === undefined) return;
  const { index, membership } = point;
  paxos.log.compact(index);
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
  // What was accepted beyond the point follows on now: it is on disk, received, and perhaps chosen.
  advanceDurable(paxos);
  advanceReceived(paxos);
  learnCommit(paxos, paxos.toldIndex);
  askForPromises(paxos);
  maybeLead(paxos);
}
