// Linearizable reads without taking a slot. A leader notes its commit index and answers once a round of
// heartbeats, sent after the question, was confirmed by a quorum that has promised nothing higher:
// one round for all reads asked so far. Under a lease it may answer at once (lease.ts). Followers ask it.

import type { Index, MemberId, Token } from "../contract.ts";
import { readReady, reject, send } from "../outbox/outbox.ts";
import {
  noteForwarded,
  takeAllForwarded,
  takeForwarded,
  takeOverdue,
} from "../reads/forwarded-reads.ts";
import { addRound, type ReadAsked, takeConfirmed, takeReads } from "../reads/rounds.ts";
import { isRecovered, type Leadership, leadershipOf, peerOf } from "./leadership.ts";
import { hasLease } from "./lease.ts";
import type { MessageOf } from "./messages.ts";
import { acceptIndex } from "./quorums.ts";
import { membership, type Paxos } from "./self.ts";

export function read(paxos: Paxos, token: Token): void {
  if (paxos.leadership !== undefined) {
    paxos.leadership.readsWaiting.push({ kind: "own", token });
  } else if (paxos.leader === undefined) {
    reject(paxos, token, "notLeader");
  } else {
    paxos.readsToForward.push(token);
  }
}

export function handleReadRequest(
  paxos: Paxos,
  from: MemberId,
  message: MessageOf<"readRequest">,
): void {
  const leadership = leadershipOf(paxos);
  if (peerOf(leadership, from) === undefined) return;
  leadership.readsWaiting.push({ kind: "follower", from, request: message.request });
}

/** Whoever is asked and does not lead says so, instead of letting the follower wait. */
export function refuseReadRequest(
  paxos: Paxos,
  from: MemberId,
  message: MessageOf<"readRequest">,
): void {
  send(paxos, from, { kind: "readRefusal", ballot: message.ballot, request: message.request });
}

/** A leader's turn ends: true when a round of heartbeats has to leave for the reads. */
export function prepareReads(paxos: Paxos, leadership: Leadership): boolean {
  if (leadership.readsWaiting.length === 0) return false;
  // Before that a leader does not know what earlier ballots have chosen.
  if (!isRecovered(paxos, leadership)) return false;
  if (!hasLease(paxos, leadership)) return true;
  for (const asked of leadership.readsWaiting) answer(paxos, asked, paxos.commitIndex);
  leadership.readsWaiting = [];
  return false;
}

/** A new round, about to be sent, carries the reads that wait. */
export function openRound(paxos: Paxos, leadership: Leadership): number {
  const canRead = isRecovered(paxos, leadership);
  return addRound(leadership, paxos, canRead);
}

/** A peer answered a round, or the membership changed: what does a quorum stand behind now? */
export function confirmRounds(paxos: Paxos, leadership: Leadership): void {
  const { rounds, roundAnswered, lastRound } = leadership;
  if (rounds.length === 0) return;
  const { quorums } = paxos.settings;
  // Whoever prepares a higher ballot needs one of them, and they had not promised it.
  const confirmed = acceptIndex(quorums, membership(paxos), (member) =>
    member === paxos.settings.id ? lastRound : (roundAnswered.get(member) ?? 0),
  );
  for (const { reads, readIndex } of takeConfirmed(leadership, confirmed)) {
    for (const asked of reads) answer(paxos, asked, readIndex);
  }
}

/** A follower's turn ends: one request for all its reads. */
export function forwardReads(paxos: Paxos): void {
  if (paxos.readsToForward.length === 0) return;
  const tokens = paxos.readsToForward;
  paxos.readsToForward = [];
  if (paxos.leader === undefined) {
    for (const token of tokens) reject(paxos, token, "notLeader");
    return;
  }
  const request = noteForwarded(paxos, tokens);
  send(paxos, paxos.leader, { kind: "readRequest", ballot: paxos.promised, request });
}

export function handleReadResponse(
  paxos: Paxos,
  _from: MemberId,
  message: MessageOf<"readResponse">,
): void {
  for (const token of takeForwarded(paxos, message.request)) readReady(paxos, token, message.index);
}

export function handleReadRefusal(
  paxos: Paxos,
  _from: MemberId,
  message: MessageOf<"readRefusal">,
): void {
  for (const token of takeForwarded(paxos, message.request)) reject(paxos, token, "notLeader");
}

/** A request or its answer may be lost; the caller is told instead of left to wait. */
export function tickForwardedReads(paxos: Paxos): void {
  for (const token of takeOverdue(paxos)) reject(paxos, token, "timedOut");
}

/** The leader that was asked leads no more, or another one does. */
export function abandonForwardedReads(paxos: Paxos): void {
  for (const token of takeAllForwarded(paxos)) reject(paxos, token, "leadershipLost");
}

/** This member leads no more: nothing that it was asked can be confirmed. */
export function abandonReads(paxos: Paxos, leadership: Leadership): void {
  for (const asked of takeReads(leadership)) abandon(paxos, asked);
}

function answer(paxos: Paxos, asked: ReadAsked, index: Index): void {
  if (asked.kind === "own") {
    readReady(paxos, asked.token, index);
  } else {
    const { from, request } = asked;
    send(paxos, from, { kind: "readResponse", ballot: paxos.promised, request, index });
  }
}

function abandon(paxos: Paxos, asked: ReadAsked): void {
  if (asked.kind === "own") {
    reject(paxos, asked.token, "leadershipLost");
  } else {
    const { from, request } = asked;
    send(paxos, from, { kind: "readRefusal", ballot: paxos.promised, request });
  }
}
