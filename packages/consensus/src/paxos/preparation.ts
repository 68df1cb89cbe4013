// Phase 1 of one ballot, as its proposer sees it: who has promised, what they accepted, and which
// slots are known to be chosen. Of each open slot the value of the highest ballot is kept (P2c).

import type { Entry, Index, MemberId } from "../contract.ts";
import { type Ballot, compareBallots } from "../synod/ballot.ts";
import { ballotOf } from "./self.ts";

export interface Preparation {
  readonly ballot: Ballot;
  /** The leader before asked for it: acceptors need not stay loyal to it. */
  readonly transfer: boolean;
  /** True: promised, and told all it accepted. False: refused. */
  readonly answers: Map<MemberId, boolean>;
  /** Who answers in parts has told of every open slot up to here. */
  readonly toldUpTo: Map<MemberId, Index>;
  /** What each promise said to be chosen. */
  readonly commitOf: Map<MemberId, Index>;
  /** By slot: the value of the highest ballot that was accepted. */
  readonly found: Map<Index, Entry>;
  /** The highest slot of `found`. */
  foundUpTo: Index;
  /** Slots, beyond the first that is not, that are known to be chosen and held. */
  readonly chosen: Set<Index>;
  /** Slots up to here are chosen, and compacted by somebody that promised. */
  lacksUpTo: Index;
  /** The persist effect that carries the own promise; it counts once durable. */
  ownSequence: number | undefined;
}

export function createPreparation(ballot: Ballot, transfer: boolean): Preparation {
  return {
    ballot,
    transfer,
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
  const { found } = preparation;
  const known = found.get(entry.index);
  if (known !== undefined && compareBallots(ballotOf(known), ballotOf(entry)) >= 0) return;
  found.set(entry.index, entry);
  if (entry.index > preparation.foundUpTo) preparation.foundUpTo = entry.index;
}
