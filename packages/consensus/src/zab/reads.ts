// Linearizable reads without a log write: `sync`. A leader notes its commit index and answers once a
// round of pings, sent after the question, was confirmed by a quorum: then no later leader had been
// established when it was asked. (ZooKeeper's sync trusts the leader instead.) One round serves all
// reads asked so far; under a lease none is needed (lease.ts). Followers ask their leader.

import type { Index, MemberId, Token } from "../contract.ts";
import { readReady, send } from "../outbox/outbox.ts";
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
import { reject } from "./outbox.ts";
import { leaderOf, membership, type Zab } from "./self.ts";

export function read(zab: Zab, token: Token): void {
  if (zab.leadership?.phase === "broadcast") {
    zab.leadership.readsWaiting.push({ kind: "own", token });
  } else if (leaderOf(zab) === undefined) {
    reject(zab, token, "notLeader");
  } else {
    zab.readsToForward.push(token);
  }
}

export function handleSyncRequest(
  zab: Zab,
  from: MemberId,
  message: MessageOf<"syncRequest">,
): void {
  const leadership = leadershipOf(zab);
  if (leadership.phase !== "broadcast" || peerOf(leadership, from) === undefined) {
    refuseSyncRequest(zab, from, message);
    return;
  }
  leadership.readsWaiting.push({ kind: "follower", from, request: message.request });
}

/** Whoever is asked and does not lead says so, instead of letting the follower wait. */
export function refuseSyncRequest(
  zab: Zab,
  from: MemberId,
  message: MessageOf<"syncRequest">,
): void {
  send(zab, from, { kind: "syncRefusal", request: message.request });
}

/** A leader's turn ends: true when a round of heartbeats has to leave for the reads. */
export function prepareReads(zab: Zab, leadership: Leadership): boolean {
  if (leadership.readsWaiting.length === 0) return false;
  if (!hasLease(zab, leadership)) return true;
  for (const asked of leadership.readsWaiting) answer(zab, asked, zab.commitIndex);
  leadership.readsWaiting = [];
  return false;
}

/** A new round, about to be sent, carries the reads that wait. */
export function openRound(zab: Zab, leadership: Leadership): number {
  const canRead = leadership.phase === "broadcast";
  return addRound(leadership, zab, canRead);
}

/** A peer answered a round, or the membership changed: what does a quorum stand behind now? */
export function confirmRounds(zab: Zab, leadership: Leadership): void {
  const { rounds, roundAnswered, lastRound } = leadership;
  if (rounds.length === 0) return;
  const confirmed = quorumIndex(membership(zab), (member) =>
    member === zab.settings.id ? lastRound : (roundAnswered.get(member) ?? 0),
  );
  for (const { reads, readIndex } of takeConfirmed(leadership, confirmed)) {
    for (const asked of reads) answer(zab, asked, readIndex);
  }
}

/** A follower's turn ends: one request for all its reads. */
export function forwardReads(zab: Zab): void {
  if (zab.readsToForward.length === 0) return;
  const tokens = zab.readsToForward;
  zab.readsToForward = [];
  const leader = leaderOf(zab);
  if (leader === undefined) {
    for (const token of tokens) reject(zab, token, "notLeader");
    return;
  }
  const request = noteForwarded(zab, tokens);
  send(zab, leader, { kind: "syncRequest", request });
}

export function handleSyncResponse(
  zab: Zab,
  _from: MemberId,
  message: MessageOf<"syncResponse">,
): void {
  for (const token of takeForwarded(zab, message.request)) readReady(zab, token, message.index);
}

export function handleSyncRefusal(
  zab: Zab,
  _from: MemberId,
  message: MessageOf<"syncRefusal">,
): void {
  for (const token of takeForwarded(zab, message.request)) reject(zab, token, "notLeader");
}

/** A request or its answer may be lost; the caller is told instead of left to wait. */
export function tickForwardedReads(zab: Zab): void {
  for (const token of takeOverdue(zab)) reject(zab, token, "timedOut");
}

/** The leader that was asked leads no more, or another one does. */
export function abandonForwardedReads(zab: Zab): void {
  for (const token of takeAllForwarded(zab)) reject(zab, token, "leadershipLost");
}

/** This member leads no more: nothing that it was asked can be confirmed. */
export function abandonReads(zab: Zab, leadership: Leadership): void {
  for (const asked of takeReads(leadership)) abandon(zab, asked);
}

function answer(zab: Zab, asked: ReadAsked, index: Index): void {
  if (asked.kind === "own") {
    readReady(zab, asked.token, index);
  } else {
    const { from, request } = asked;
    send(zab, from, { kind: "syncResponse", request, index });
  }
}

function abandon(zab: Zab, asked: ReadAsked): void {
  if (asked.kind === "own") {
    reject(zab, asked.token, "leadershipLost");
  } else {
    const { from, request } = asked;
    send(zab, from, { kind: "syncRefusal", request });
  }
}
