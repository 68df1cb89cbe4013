// Phase 1 of one ballot, as its proposer sees it: who has promised, and what it has to propose in the
// slots that it has not proposed in yet. Of each the value of the highest ballot is kept (P2c), or the
// one that somebody knows to be chosen. Whoever tells, and whenever: nothing new is proposed before
// all that was found has been proposed again.

import type { Entry, Index, MemberId } from "../contract.ts";
import { type Ballot, compareBallots } from "../synod/ballot.ts";
import { ballotOf } from "./self.ts";

export interface Preparation {
  readonly ballot: Ballot;
  /** The leader of this ballot asked for it: acceptors need not stay loyal to that one. */
  readonly handedOver: Ballot | undefined;
  /** True: promised, and told all it accepted. False: refused. */
  readonly answers: Map<MemberId, boolean>;
  /** Who answers in parts has told of every open slot up to here. */
  readonly toldUpTo: Map<MemberId, Index>;
  /** What each promise said to be chosen. */
  readonly commitOf: Map<MemberId, Index>;
  /** By slot: the value of the highest ballot that was accepted, or the one that is chosen. */
  readonly found: Map<Index, Entry>;
  /** The highest slot that was ever in `found`: what is new stands beyond it. */
  foundUpTo: Index;
  /** Slots beyond the commit index that somebody knows to be chosen, found or proposed already. */
  readonly chosen: Set<Index>;
  /** Slots up to here are chosen, and compacted by somebody that promised. */
  lacksUpTo: Index;
  /** The persist effect that carries the own promise; it counts once durable. */
  ownSequence: number | undefined;
}

export function createPreparation(ballot: Ballot, handedOver: Ballot | undefined): Preparation {
  return {
    ballot,
    handedOver,
    answers: new Map(),
    toldUpTo: new Map(),
    commitOf: new Map(),
    found: new Map(),
    foundUpTo: 0,
    chosen: new Set(),
    lacksUpTo: 0,
    ownSequence: undefined,
  };
}

/** P2c: of two values that were accepted in a slot, the one of the higher ballot counts. */
export function noteAccepted(preparation: Preparation, entry: Entry): void {
  const { found, chosen } = preparation;
  if (chosen.has(entry.index)) return;
  const known = found.get(entry.index);
  if (known !== undefined && compareBallots(ballotOf(known), ballotOf(entry)) >= 0) return;
  find(preparation, entry);
}

/** Nothing but the chosen value can be proposed in the slot, by whatever ballot (P2b). */
export function noteFoundChosen(preparation: Preparation, entry: Entry): void {
  preparation.chosen.add(entry.index);
  find(preparation, entry);
}

/** Slots up to here are known to be chosen, and held: perhaps as part of a snapshot. */
export function forgetKnown({ found, chosen }: Preparation, commitIndex: Index): void {
  for (const index of found.keys()) if (index <= commitIndex) found.delete(index);
  for (const index of chosen) if (index <= commitIndex) chosen.delete(index);
}

/** Who comes back after it was removed may have another disk: it promises, and tells, anew. */
export function forgetStrangers(
  { answers, toldUpTo, commitOf }: Preparation,
  members: readonly MemberId[],
): void {
  for (const told of [answers, toldUpTo, commitOf]) {
    for (const member of told.keys()) if (!members.includes(member)) told.delete(member);
  }
}

function find(preparation: Preparation, entry: Entry): void {
  preparation.found.set(entry.index, entry);
  if (entry.index > preparation.foundUpTo) preparation.foundUpTo = entry.index;
}
