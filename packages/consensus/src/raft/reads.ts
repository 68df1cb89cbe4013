// Linearizable reads without a log write (dissertation §6.4). A leader notes its commit index and
// answers once a round of heartbeats, sent after the question, was confirmed by a quorum: one round
// for all reads asked so far. Under a lease it may answer at once (lease.ts). Followers ask it.

import type { Index, MemberId, Token } from "../contract.ts";
import { readReady, reject, send } from "../outbox/outbox.ts";
import { quorumIndex } from "../quorum/quorum.ts";
import {
  noteForwarded,
  takeAllForwarded,
  takeForwarded,
  takeOverdue,
} from "../reads/forwarded-reads.ts";
import { addRound, type ReadAsked, takeConfirmed, takeReads } from "../reads/rounds.ts";
import { type Leadership, leadershipOf, peerOf } from "./leadership.ts";
import { hasLease } from "./lease.ts";
import type { MessageOf } from "./messages.ts";
import { membership, type Raft } from "./self.ts";

export function read(raft: Raft, token: Token): void {
  if (raft.leadership !== undefined) {
    raft.leadership.readsWaiting.push({ kind: "own", token });
  } else if (raft.leader === undefined) {
    reject(raft, token, "notLeader");
  } else {
    raft.readsToForward.push(token);
  }
}

export function handleReadRequest(
  raft: Raft,
  from: MemberId,
  message: MessageOf<"readRequest">,
): void {
  const leadership = leadershipOf(raft);
  if (peerOf(leadership, from) === undefined) return;
  leadership.readsWaiting.push({ kind: "follower", from, request: message.request });
}

/** Whoever is asked and does not lead says so, instead of letting the follower wait. */
export function refuseReadRequest(
  raft: Raft,
  from: MemberId,
  message: MessageOf<"readRequest">,
): void {
  send(raft, from, { kind: "readRefusal", term: raft.term, request: message.request });
}

/** A leader's turn ends: true when a round of heartbeats has to leave for the reads. */
export function prepareReads(raft: Raft, leadership: Leadership): boolean {
  if (leadership.readsWaiting.length === 0) return false;
  // Before the first commit of its term a leader does not know what is committed (§6.4, step 1).
  if (raft.commitIndex < leadership.termStartIndex) return false;
  if (!hasLease(raft, leadership)) return true;
  for (const asked of leadership.readsWaiting) answer(raft, asked, raft.commitIndex);
  leadership.readsWaiting = [];
  return false;
}

/** A new round, about to be sent, carries the reads that wait. */
export function openRound(raft: Raft, leadership: Leadership): number {
  const canRead = raft.commitIndex >= leadership.termStartIndex;
  return addRound(leadership, raft, canRead);
}

/** A peer answered a round, or the membership changed: what does a quorum stand behind now? */
export function confirmRounds(raft: Raft, leadership: Leadership): void {
  const { rounds, roundAnswered, lastRound } = leadership;
  if (rounds.length === 0) return;
  const confirmed = quorumIndex(membership(raft), (member) =>
    member === raft.settings.id ? lastRound : (roundAnswered.get(member) ?? 0),
  );
  for (const { reads, readIndex } of takeConfirmed(leadership, confirmed)) {
    for (const asked of reads) answer(raft, asked, readIndex);
  }
}

/** A follower's turn ends: one request for all its reads. */
export function forwardReads(raft: Raft): void {
  if (raft.readsToForward.length === 0) return;
  const tokens = raft.readsToForward;
  raft.readsToForward = [];
  if (raft.leader === undefined) {
    for (const token of tokens) reject(raft, token, "notLeader");
    return;
  }
  const request = noteForwarded(raft, tokens);
  send(raft, raft.leader, { kind: "readRequest", term: raft.term, request });
}

export function handleReadResponse(
  raft: Raft,
  _from: MemberId,
  message: MessageOf<"readResponse">,
): void {
  for (const token of takeForwarded(raft, message.request)) readReady(raft, token, message.index);
}

export function handleReadRefusal(
  raft: Raft,
  _from: MemberId,
  message: MessageOf<"readRefusal">,
): void {
  for (const token of takeForwarded(raft, message.request)) reject(raft, token, "notLeader");
}

/** A request or its answer may be lost; the caller is told instead of left to wait. */
export function tickForwardedReads(raft: Raft): void {
  for (const token of takeOverdue(raft)) reject(raft, token, "timedOut");
}

/** The leader that was asked leads no more, or another one does. */
export function abandonForwardedReads(raft: Raft): void {
  for (const token of takeAllForwarded(raft)) reject(raft, token, "leadershipLost");
}

/** This member leads no more: nothing that it was asked can be confirmed. */
export function abandonReads(raft: Raft, leadership: Leadership): void {
  for (const asked of takeReads(leadership)) abandon(raft, asked);
}

function answer(raft: Raft, asked: ReadAsked, index: Index): void {
  if (asked.kind === "own") {
    readReady(raft, asked.token, index);
  } else {
    const { from, request } = asked;
    send(raft, from, { kind: "readResponse", term: raft.term, request, index });
  }
}

function abandon(raft: Raft, asked: ReadAsked): void {
  if (asked.kind === "own") {
    reject(raft, asked.token, "leadershipLost");
  } else {
    const { from, request } = asked;
    send(raft, from, { kind: "readRefusal", term: raft.term, request });
  }
}
