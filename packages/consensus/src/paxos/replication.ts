// The leader's side of phase 2 (Paxos Made Simple §3): messages are built when a turn ends, so that all
// its proposals travel in one message per acceptor, and are pipelined within a window. There is no
// point of agreement to look for: whoever lacks slots is sent them, chosen or not, under this ballot.

import type { Index, MemberId } from "../contract.ts";
import { send } from "../outbox/outbox.ts";
import { maybeCommit } from "./commit.ts";
import { type Leadership, lastSlot, leadershipOf, type Peer, peerOf } from "./leadership.ts";
import type { MessageOf } from "./messages.ts";
import { atBallot, type Paxos } from "./self.ts";

/** A leader's turn ends: everything that may be sent is. */
export function replicate(paxos: Paxos, leadership: Leadership): void {
  // Acceptors that are equally far get the same message object: it is built, and encoded, once.
  let built: MessageOf<"acceptRequest"> | undefined;
  for (const peer of leadership.peers) {
    while (peer.state === "replicate" && !peer.inFlight.isFull) {
      const first = peer.beyond.nextMissing(peer.next);
      if (first > lastSlot(leadership)) break;
      if (first <= paxos.log.baseIndex) {
        askForSnapshot(paxos, peer);
        break;
      }
      if (built?.first !== first) built = buildAccept(paxos, leadership, first);
      send(paxos, peer.id, built);
      peer.sent(first + built.entries.length - 1);
      peer.commitTold = built.commitIndex;
    }
    tellCommit(paxos, peer);
  }
}

export function handleAcceptResponse(
  paxos: Paxos,
  from: MemberId,
  message: MessageOf<"acceptResponse">,
): void {
  const leadership = leadershipOf(paxos);
  const peer = peerOf(leadership, from);
  const { first, last, matchIndex } = message;
  // What was not proposed cannot have been accepted.
  if (peer === undefined || last > lastSlot(leadership)) return;
  peer.recentlyActive = true;
  if (last > peer.match) peer.beyond.add(Math.max(first, peer.match + 1), last);
  noteMatch(paxos, leadership, peer, matchIndex);
  peer.inFlight.acknowledge(last);
  maybeCommit(paxos);
}

/** The peer holds every slot up to `matchIndex`, durably. */
export function noteMatch(
  paxos: Paxos,
  leadership: Leadership,
  peer: Peer,
  matchIndex: Index,
): void {
  peer.acknowledged(Math.min(matchIndex, lastSlot(leadership)));
  peer.beyond.dropUpTo(peer.match);
  if (peer.state === "snapshot" && peer.match >= paxos.log.baseIndex) peer.feed();
}

/** Is told by a heartbeat's answer what had arrived: what had not is sent again. */
export function resendLost(paxos: Paxos, peer: Peer, round: number, receivedIndex: Index): void {
  if (peer.state === "probe") {
    // An answer to a round before it was paused says nothing.
    if (round > peer.probeRound) peer.feed();
    return;
  }
  if (peer.state !== "replicate" || peer.lossRound === 0 || round < peer.lossRound) return;
  peer.lossRound = 0;
  if (receivedIndex >= peer.lossNext - 1 || paxos.leadership === undefined) return;
  // It forgot, with a crash, that what an earlier ballot left there is the chosen value.
  if (receivedIndex < peer.lossMatch) peer.match = receivedIndex;
  peer.inFlight.clear();
  peer.next = Math.max(peer.match, receivedIndex) + 1;
}

/** A heartbeat leaves: its answer will tell whether what was sent before it arrived. */
export function watchForLoss(peer: Peer, round: number): void {
  if (peer.state !== "replicate" || peer.lossRound !== 0) return;
  peer.lossRound = round;
  peer.lossNext = peer.next;
  peer.lossMatch = peer.match;
}

/** The transport could not deliver: what was in flight is in doubt. */
export function noteUnreachable(paxos: Paxos, member: MemberId): void {
  const { leadership } = paxos;
  const peer = leadership && peerOf(leadership, member);
  if (peer?.state !== "replicate") return;
  peer.becomeProbe();
  peer.probeRound = leadership!.lastRound;
}

export function noteReachable(paxos: Paxos, member: MemberId): void {
  const { leadership } = paxos;
  const peer = leadership && peerOf(leadership, member);
  if (leadership === undefined || peer === undefined) return;
  leadership.heartbeatDue = true;
  // It was away: what it was putting in place it may have lost. The heartbeat's answer will tell.
  peer.installHeartbeats = Math.min(peer.installHeartbeats, 1);
}

/** Values from `first` on, without gaps. Chosen ones were perhaps proposed by an earlier ballot. */
function buildAccept(
  paxos: Paxos,
  leadership: Leadership,
  first: Index,
): MessageOf<"acceptRequest"> {
  const { log, promised, commitIndex, settings } = paxos;
  const entries = log.sliceOfBytes(first, lastSlot(leadership), settings.limits.messageBytesMax);
  for (let i = 0; i < entries.length && first + i <= commitIndex; i++) {
    entries[i] = atBallot(entries[i]!, promised);
  }
  return { kind: "acceptRequest", ballot: promised, first, commitIndex, entries };
}

/** Followers apply, and answer their clients, as soon as they know; they do not wait for a tick. */
function tellCommit(paxos: Paxos, peer: Peer): void {
  const { commitIndex, promised } = paxos;
  if (peer.state !== "replicate" || commitIndex <= peer.commitTold) return;
  peer.commitTold = commitIndex;
  send(paxos, peer.id, { kind: "commitNotice", ballot: promised, commitIndex });
}

function askForSnapshot(paxos: Paxos, peer: Peer): void {
  // Nobody streams gigabytes to a member that does not answer.
  if (!peer.recentlyActive) {
    peer.becomeProbe();
    return;
  }
  peer.becomeSnapshot();
  const epoch = paxos.promised.round;
  paxos.outbox.snapshots.push({ kind: "sendSnapshot", to: peer.id, epoch });
}
