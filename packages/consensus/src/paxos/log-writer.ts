// The only place where slots change, so that what is on disk, what is held and what is known to be
// chosen never tell different stories. A slot that is known to be chosen is never written again.

import { assert } from "../assert.ts";
import type { Entry, Index } from "../contract.ts";
import { decodeMembershipEntry } from "../membership/codec.ts";
import { compareBallots } from "../synod/ballot.ts";
import { ballotOf, type Paxos } from "./self.ts";
import { unwritten } from "./slots.ts";

/** Accepts a value in a slot (phase 2b), or replaces what a lower ballot proposed there. */
export function acceptIn(paxos: Paxos, entry: Entry): void {
  const { log, commitIndex, promised, outbox } = paxos;
  const before = log.at(entry.index);
  assert(entry.index > commitIndex, "what is chosen stays as it is");
  assert(compareBallots(ballotOf(entry), promised) === 0, "only the promised ballot is accepted");
  assert(
    before === undefined || compareBallots(ballotOf(before), ballotOf(entry)) < 0,
    "a slot is written again by a higher ballot only: one ballot proposes one value there",
  );
  log.put(entry, unwritten);
  outbox.changed.push(entry.index);
  if (paxos.durableIndex >= entry.index) paxos.durableIndex = entry.index - 1;
}

/** Writes up to `sequence` are on disk. */
export function writesDone(paxos: Paxos, sequence: number): void {
  paxos.durableSequence = Math.max(paxos.durableSequence, sequence);
  paxos.outbox.sequenceDone = paxos.durableSequence;
  advanceDurable(paxos);
}

/** How far everything is on this member's disk without a gap. */
export function advanceDurable(paxos: Paxos): void {
  const { log, durableSequence } = paxos;
  while (log.sequenceAt(paxos.durableIndex + 1) <= durableSequence) {
    if (log.at(paxos.durableIndex + 1) === undefined) break;
    paxos.durableIndex++;
  }
}

/** What this slot holds is on this member's disk. */
export function isDurable(paxos: Paxos, index: Index): boolean {
  return index <= paxos.durableIndex || paxos.log.sequenceAt(index) <= paxos.durableSequence;
}

/** One more slot is known to be chosen; it is the next. */
export function noteChosen(paxos: Paxos): Entry {
  const index = paxos.commitIndex + 1;
  const entry = paxos.log.at(index);
  assert(entry !== undefined, "what is known to be chosen is held");
  paxos.commitIndex = index;
  if (paxos.receivedIndex < index) paxos.receivedIndex = index;
  if (entry.kind === "membership") {
    const { membership } = decodeMembershipEntry(entry.payload);
    paxos.memberships.push({ index, membership });
    paxos.outbox.membershipChanged = true;
    // A member that acts on a membership remembers that it was chosen: the old one may be gone.
    paxos.outbox.stateChanged = true;
    paxos.outbox.membershipHeld ??= index;
    paxos.outbox.membershipSequence = Number.POSITIVE_INFINITY;
  }
  return entry;
}

/**
 * The commit index, as far as a crash does not make this member forget a membership in it: that
 * others govern is acted upon, and said, only when it is on disk.
 */
export function rememberedIndex({ outbox, durableSequence, commitIndex }: Paxos): Index {
  if (outbox.membershipHeld === undefined) return commitIndex;
  if (durableSequence < outbox.membershipSequence) {
    return Math.min(commitIndex, outbox.membershipHeld - 1);
  }
  outbox.membershipHeld = undefined;
  return commitIndex;
}

/** The runtime dropped the log up to here. */
export function compact(paxos: Paxos, index: Index): void {
  assert(index <= paxos.applySentIndex, "only what is applied is compacted");
  paxos.appliedIndex = Math.max(paxos.appliedIndex, index);
  paxos.log.compact(index);
  forgetMemberships(paxos);
}

/** Those before the one in force at the base are of no use any more. */
export function forgetMemberships(paxos: Paxos): void {
  let kept = paxos.memberships.length - 1;
  while (paxos.memberships[kept]!.index > paxos.log.baseIndex) kept--;
  if (kept > 0) paxos.memberships = paxos.memberships.slice(kept);
}
