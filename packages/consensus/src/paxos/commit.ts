// Where a slot becomes chosen (Paxos Made Simple §2.3, §3): a quorum holds it durably under the
// leader's ballot, in whatever order slots come. The commit index is where the chosen prefix ends:
// only it is acted upon, because the memberships in it say what a quorum is in the slot after it.

import { assert } from "../assert.ts";
import type { Entry, Index, MemberId } from "../contract.ts";
import { type Leadership, lastSlot, leadershipOf, peerOf } from "./leadership.ts";
import { acceptIn, isDurable, noteChosen } from "./log-writer.ts";
import { afterCommit } from "./membership-change.ts";
import { noteFoundChosen, type Preparation } from "./preparation.ts";
import { acceptIndex, isAcceptQuorum } from "./quorums.ts";
import {
  atBallot,
  isOfBallot,
  membership,
  membershipIndex,
  type Paxos,
  sameValue,
} from "./self.ts";

/** A leader: somebody accepted more, or the membership changed. */
export function maybeCommit(paxos: Paxos): void {
  const leadership = leadershipOf(paxos);
  const before = paxos.commitIndex;
  for (let upTo = chosenUpTo(paxos, leadership); paxos.commitIndex < upTo; ) {
    while (paxos.commitIndex < upTo) {
      const entry = noteChosen(paxos);
      leadership.uncommittedBytes -= entry.payload.length;
      paxos.preparation?.chosen.delete(entry.index);
    }
    upTo = chosenUpTo(paxos, leadership);
  }
  if (paxos.commitIndex > before) afterCommit(paxos, before);
}

/** A follower: slots up to `toldIndex` are chosen, as its leader said. */
export function learnCommit(paxos: Paxos, toldIndex: Index): void {
  if (toldIndex > paxos.toldIndex) paxos.toldIndex = toldIndex;
  advance(paxos);
}

/**
 * The value under the leader's own ballot is the chosen one: the leader proposed it after a quorum
 * told it what could have been chosen before. What an earlier ballot left here need not be.
 */
function advance(paxos: Paxos): void {
  const { log, promised } = paxos;
  while (paxos.commitIndex < paxos.toldIndex) {
    const next = log.at(paxos.commitIndex + 1);
    if (next === undefined || !isOfBallot(next, promised)) break;
    noteChosen(paxos);
  }
}

/** How far everything is held without a gap, in memory at least. */
export function advanceReceived(paxos: Paxos): void {
  const { log, promised } = paxos;
  for (;;) {
    const next = log.at(paxos.receivedIndex + 1);
    if (next === undefined || !isOfBallot(next, promised)) return;
    paxos.receivedIndex++;
  }
}

/**
 * A proposer is told in phase 1 that a slot's value is chosen. Where it has proposed already it was
 * this value (P2c); where it has not, it will be.
 */
export function learnChosen(paxos: Paxos, entry: Entry): void {
  const { preparation, leadership, log } = paxos;
  assert(preparation !== undefined, "only a proposer is told so");
  if (entry.index <= paxos.commitIndex) return;
  if (leadership === undefined || entry.index >= leadership.nextSlot) {
    noteFoundChosen(preparation, entry);
    return;
  }
  const proposed = log.at(entry.index);
  assert(proposed !== undefined && sameValue(proposed, entry), "one value is chosen in a slot");
  preparation.chosen.add(entry.index);
}

/**
 * A candidate knows as much to be chosen as those who promised. It takes the values under its own
 * ballot, as if it had proposed them. True if that changed the membership.
 */
export function adoptChosen(paxos: Paxos, preparation: Preparation): boolean {
  const governedBy = membershipIndex(paxos);
  const { chosen, found } = preparation;
  for (let index = paxos.commitIndex + 1; chosen.delete(index); index++) {
    const entry = found.get(index);
    assert(entry !== undefined, "what a candidate is told to be chosen it has found");
    found.delete(index);
    acceptIn(paxos, atBallot(entry, paxos.promised));
    noteChosen(paxos);
  }
  return membershipIndex(paxos) > governedBy;
}

/** Slots beyond the commit index that are known to be chosen. */
export function chosenBeyond(paxos: Paxos, leadership: Leadership): Index[] {
  const list: Index[] = [];
  for (let index = paxos.commitIndex + 1; index <= lastSlot(leadership); index++) {
    if (isChosen(paxos, leadership, index)) list.push(index);
  }
  return list;
}

/** The end of a run of chosen slots after the commit index, by one membership's quorums. */
function chosenUpTo(paxos: Paxos, leadership: Leadership): Index {
  const { settings } = paxos;
  const last = lastSlot(leadership);
  const reached = acceptIndex(settings.quorums, membership(paxos), (member) =>
    member === settings.id ? paxos.durableIndex : (peerOf(leadership, member)?.match ?? 0),
  );
  let upTo = Math.max(paxos.commitIndex, Math.min(reached, last));
  // Nothing stands behind a membership that is not chosen (`barrier`), so one count serves the run.
  if (isInOrder(paxos, leadership)) return upTo;
  while (upTo < last && isChosen(paxos, leadership, upTo + 1)) upTo++;
  return upTo;
}

function isChosen(paxos: Paxos, leadership: Leadership, index: Index): boolean {
  if (paxos.preparation?.chosen.has(index)) return true;
  return isAcceptQuorum(paxos.settings.quorums, membership(paxos), (member) =>
    holds(paxos, leadership, member, index),
  );
}

function holds(paxos: Paxos, leadership: Leadership, member: MemberId, index: Index): boolean {
  if (member === paxos.settings.id) return isDurable(paxos, index);
  const peer = peerOf(leadership, member);
  return peer !== undefined && (index <= peer.match || peer.beyond.has(index));
}

/** Nobody holds anything beyond a gap, and nothing was learned: matches say it all. */
function isInOrder(paxos: Paxos, leadership: Leadership): boolean {
  const { preparation } = paxos;
  if (preparation !== undefined && preparation.chosen.size > 0) return false;
  return leadership.peers.every((peer) => peer.beyond.isEmpty);
}
