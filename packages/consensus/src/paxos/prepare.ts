// Phase 1 (Paxos Made Simple §2.2, §3): one prepare request for all open slots. An acceptor answers
// with all that it accepted from the first open slot on, in parts if it is much; the proposer keeps
// the value of the highest ballot for each slot, and learns what is chosen already.

import { assert } from "../assert.ts";
import type { Entry, Index, MemberId } from "../contract.ts";
import { isVoter, votersOf } from "../membership/membership.ts";
import { send, sendAfterDisk } from "../outbox/outbox.ts";
import type { Verdict } from "../quorum/quorum.ts";
import { compareBallots } from "../synod/ballot.ts";
import { adoptChosen, learnChosen } from "./commit.ts";
import { type Leadership, peerOf } from "./leadership.ts";
import { isLoyal, isReleased } from "./loyalty.ts";
import type { MessageOf } from "./messages.ts";
import { noteAccepted, type Preparation } from "./preparation.ts";
import { openSlots } from "./propose.ts";
import { prepareVerdict, sameQuorums } from "./quorums.ts";
import { becomeFollower, becomeLeader } from "./role.ts";
import { membership, type Paxos } from "./self.ts";
import { streamTo } from "./snapshot.ts";

/** Asks every voter that has not promised yet, or not told all. */
export function askForPromises(paxos: Paxos): void {
  const { preparation } = paxos;
  if (preparation === undefined) return;
  for (const voter of votersOf(membership(paxos))) {
    if (voter === paxos.settings.id || preparation.answers.get(voter) === true) continue;
    ask(paxos, preparation, voter);
  }
}

export function handlePrepareRequest(
  paxos: Paxos,
  from: MemberId,
  message: MessageOf<"prepareRequest">,
): void {
  const { ballot } = message;
  const order = compareBallots(ballot, paxos.promised);
  const isWelcome = order === 0 || isReleased(paxos, message) || !isLoyal(paxos, from);
  if (order < 0 || !isWelcome || !sameQuorums(message.quorums, paxos.settings.quorums)) {
    send(paxos, from, { kind: "refusal", ballot, promised: paxos.promised });
    return;
  }
  if (order > 0) {
    becomeFollower(paxos, ballot, false);
    paxos.timer.reset();
  }
  const { baseIndex } = paxos.log;
  if (message.first <= baseIndex) streamTo(paxos, from);
  sendAfterDisk(paxos, from, promiseFrom(paxos, message.first));
}

/** A candidate hears from an acceptor; a leader from one that became a voter meanwhile. */
export function handlePromise(paxos: Paxos, from: MemberId, message: MessageOf<"promise">): void {
  const preparation = paxos.preparation;
  if (preparation === undefined || preparation.answers.get(from) === true) return;
  const { first, last, isLast, commitIndex, baseIndex, entries } = message;
  const told = Math.max(preparation.toldUpTo.get(from) ?? 0, paxos.commitIndex);
  // A part that came twice tells nothing new, and must not make its sender begin from there again.
  if (first > told + 1 || (!isLast && last <= told)) return;
  preparation.toldUpTo.set(from, Math.max(told, last));
  preparation.commitOf.set(from, commitIndex);
  for (const entry of entries) {
    if (entry.index <= commitIndex) learnChosen(paxos, entry);
    else if (isOpen(paxos, entry.index)) noteAccepted(preparation, entry);
  }
  // What is compacted there is chosen, and may be held by nobody else that answers.
  preparation.lacksUpTo = Math.max(preparation.lacksUpTo, baseIndex);
  if (paxos.leadership !== undefined && baseIndex >= paxos.leadership.nextSlot) {
    // It cannot learn what it would have to propose there: who knows leads better.
    becomeFollower(paxos, paxos.promised, false);
    return;
  }
  if (isLast) {
    preparation.answers.set(from, true);
    notePeer(paxos, from, commitIndex);
  } else {
    ask(paxos, preparation, from);
  }
  maybeLead(paxos);
}

/** Something that leading depends on has changed. */
export function maybeLead(paxos: Paxos): void {
  const { preparation } = paxos;
  if (preparation === undefined) return;
  if (paxos.leadership !== undefined) {
    goOnLeading(paxos, paxos.leadership);
    return;
  }
  if (paxos.installing === undefined && adoptChosen(paxos, preparation)) askForPromises(paxos);
  const verdict = phaseOne(paxos, preparation);
  // Phase 1 may have told it that it is no voter any more: then others are to lead.
  const isVoting = isVoter(membership(paxos), paxos.settings.id);
  if (verdict === "lost" || !isVoting) becomeFollower(paxos, paxos.promised, false);
  if (verdict !== "won" || !isVoting || paxos.installing !== undefined) return;
  // A slot that is chosen, and known to nobody but as part of a snapshot, must not be filled again.
  if (paxos.commitIndex < preparation.lacksUpTo) return;
  goOnLeading(paxos, becomeLeader(paxos));
}

/**
 * The one place that says whether a leader may propose in its next slot: a quorum of the membership
 * that governs the slot has told it all that was accepted there and beyond. Whatever changes the
 * membership, or what is told, comes here.
 */
export function goOnLeading(paxos: Paxos, leadership: Leadership): void {
  const { preparation, nextSlot } = leadership;
  assert(preparation.lacksUpTo < nextSlot, "a leader has all that it has to propose");
  leadership.isPrepared = phaseOne(paxos, preparation) === "won";
  openSlots(paxos);
}

/** By the membership that governs the first slot that is not known to be chosen. */
function phaseOne(paxos: Paxos, { answers }: Preparation): Verdict {
  return prepareVerdict(paxos.settings.quorums, membership(paxos), answers);
}

function ask(paxos: Paxos, preparation: Preparation, voter: MemberId): void {
  const { ballot, handedOver, toldUpTo } = preparation;
  const first = Math.max(toldUpTo.get(voter) ?? 0, paxos.commitIndex) + 1;
  const { quorums } = paxos.settings;
  // Durable before it leaves: after a crash this ballot must not be used again.
  sendAfterDisk(paxos, voter, { kind: "prepareRequest", ballot, first, handedOver, quorums });
}

/** What was accepted from `first` on, as much as fits into one message. */
function promiseFrom(paxos: Paxos, first: Index): MessageOf<"promise"> {
  const { log, promised, commitIndex, settings } = paxos;
  const entries: Entry[] = [];
  let bytes = 0;
  let index = Math.max(first, log.baseIndex + 1);
  for (; index <= log.lastIndex; index++) {
    const entry = log.at(index);
    if (entry === undefined) continue;
    bytes += entry.payload.length;
    if (bytes > settings.limits.messageBytesMax && entries.length > 0) break;
    entries.push(entry);
  }
  return {
    kind: "promise",
    ballot: promised,
    first,
    last: Math.max(first, index) - 1,
    isLast: index > log.lastIndex,
    commitIndex,
    baseIndex: log.baseIndex,
    entries,
  };
}

/** A candidate may still propose in any slot; a leader only where it has not yet. */
function isOpen(paxos: Paxos, index: Index): boolean {
  return paxos.leadership === undefined || index >= paxos.leadership.nextSlot;
}

/** A leader feeds an acceptor from where that says to be. */
function notePeer(paxos: Paxos, from: MemberId, commitIndex: Index): void {
  const peer = paxos.leadership && peerOf(paxos.leadership, from);
  if (peer === undefined) return;
  peer.recentlyActive = true;
  peer.acknowledged(Math.min(commitIndex, paxos.commitIndex));
  if (peer.state === "probe") peer.feed();
}
