// Linearizable reads without taking a slot. A leader notes its commit index and answers once a round of
// heartbeats, sent after the question, was confirmed by a quorum that has promised nothing higher:
// one round for all reads asked so far. Under a lease it may answer at once (lease.ts). Followers ask it.

import type { Index, MemberId, Token } from "../contract.ts";
import {
  isRecovered,
  type Leadership,
  leadershipOf,
  peerOf,
  type ReadAsked,
} from "./leadership.ts";
import { hasLease, noteConfirmed } from "./lease.ts";
import type { MessageOf } from "./messages.ts";
import { reject, send } from "./outbox.ts";
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
  const round = ++leadership.lastRound;
  const canRead = isRecovered(paxos, leadership);
  leadership.rounds.push({
    round,
    sentAtMs: paxos.nowMs,
    readIndex: paxos.commitIndex,
    reads: canRead ? leadership.readsWaiting : [],
  });
  if (canRead) leadership.readsWaiting = [];
  return round;
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
  let done = 0;
  for (; done < rounds.length && rounds[done]!.round <= confirmed; done++) {
    const { reads, readIndex, sentAtMs } = rounds[done]!;
    noteConfirmed(leadership, sentAtMs);
    for (const asked of reads) answer(paxos, asked, readIndex);
  }
  if (done > 0) rounds.splice(0, done);
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
  const request = ++paxos.nextReadRequest;
  paxos.readsForwarded.set(request, { tokens, ticksLeft: paxos.settings.electionTicks });
  send(paxos, paxos.leader, { kind: "readRequest", ballot: paxos.promised, request });
}

export function handleReadResponse(
  paxos: Paxos,
  _from: MemberId,
  message: MessageOf<"readResponse">,
): void {
  const forwarded = paxos.readsForwarded.get(message.request);
  if (forwarded === undefined) return;
  paxos.readsForwarded.delete(message.request);
  for (const token of forwarded.tokens) ready(paxos, token, message.index);
}

export function handleReadRefusal(
  paxos: Paxos,
  _from: MemberId,
  message: MessageOf<"readRefusal">,
): void {
  const forwarded = paxos.readsForwarded.get(message.request);
  if (forwarded === undefined) return;
  paxos.readsForwarded.delete(message.request);
  for (const token of forwarded.tokens) reject(paxos, token, "notLeader");
}

/** A request or its answer may be lost; the caller is told instead of left to wait. */
export function tickForwardedReads(paxos: Paxos): void {
  if (paxos.readsForwarded.size === 0) return;
  for (const [request, forwarded] of paxos.readsForwarded) {
    if (--forwarded.ticksLeft > 0) continue;
    paxos.readsForwarded.delete(request);
    for (const token of forwarded.tokens) reject(paxos, token, "timedOut");
  }
}

/** The leader that was asked leads no more, or another one does. */
export function abandonForwardedReads(paxos: Paxos): void {
  for (const { tokens } of paxos.readsForwarded.values()) {
    for (const token of tokens) reject(paxos, token, "leadershipLost");
  }
  paxos.readsForwarded.clear();
}

/** This member leads no more: nothing that it was asked can be confirmed. */
export function abandonReads(paxos: Paxos, leadership: Leadership): void {
  for (const { reads } of leadership.rounds) for (const asked of reads) abandon(paxos, asked);
  for (const asked of leadership.readsWaiting) abandon(paxos, asked);
}

function answer(paxos: Paxos, asked: ReadAsked, index: Index): void {
  if (asked.kind === "own") {
    ready(paxos, asked.token, index);
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

function ready(paxos: Paxos, token: Token, index: Index): void {
  paxos.outbox.readsReady.push({ kind: "readReady", token, index });
}
