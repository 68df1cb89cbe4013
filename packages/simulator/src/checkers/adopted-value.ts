// P2c (Paxos Made Simple §2.2): a proposer that was told of accepted values in a slot proposes there the one of
// the highest ballot. The harm of another choice needs a value that was chosen and is told by one acceptor only;
// the wrong choice itself is plain to see, in what the proposer heard and what it writes.

import type { Core, Entry, Input } from "@althing/consensus";
import { hashBytes } from "../trace/hash.ts";
import type { Verdicts } from "./verdicts.ts";

interface Ballot {
  readonly round: number;
  readonly proposer: string;
}
interface Promise1b {
  readonly kind: string;
  readonly ballot: Ballot;
  readonly commitIndex: number;
  readonly entries: readonly Entry[];
}
interface Told {
  readonly ballot: Ballot;
  /** By slot: the entry of the highest ballot that it was told of, or had accepted itself. */
  readonly bySlot: Map<number, Entry>;
  /** Told to be chosen: learned, not adopted. P2b looks after those. */
  chosenUpTo: number;
}

export class AdoptedValue {
  readonly #verdicts: Verdicts;
  readonly #applies: boolean;
  readonly #told = new Map<string, Told>();

  constructor(verdicts: Verdicts, protocol: string) {
    this.#verdicts = verdicts;
    this.#applies = protocol === "paxos";
  }

  started(member: string): void {
    this.#told.delete(member);
  }

  /** Before the step that takes the input. */
  stepping(
    member: string,
    input: Input<unknown>,
    core: Pick<Core<unknown, unknown>, "entryAt" | "status">,
  ): void {
    if (!this.#applies || input.kind !== "receive") return;
    const message = input.message as Promise1b;
    if (message.kind !== "promise") return;
    const { role } = core.status();
    if (role === "candidate") this.#hear(member, message, core);
    else if (role === "leader") this.#forget(member, message, core);
  }

  written(member: string, entries: readonly Entry[]): void {
    const told = this.#told.get(member);
    if (told === undefined) return;
    for (const entry of entries) {
      if (entry.index <= told.chosenUpTo || !isOf(entry, told.ballot)) continue;
      const expected = told.bySlot.get(entry.index);
      if (expected === undefined || sameValue(expected, entry)) continue;
      this.#verdicts.violate(
        "P2c",
        `${member} proposes in slot ${entry.index} by ballot ${told.ballot.round} another value than the one of round ${expected.epoch} that it was told of`,
      );
    }
  }

  #hear(member: string, message: Promise1b, core: Pick<Core<unknown, unknown>, "entryAt">): void {
    let told = this.#told.get(member);
    if (told === undefined || !isSame(told.ballot, message.ballot)) {
      told = { ballot: message.ballot, bySlot: new Map(), chosenUpTo: 0 };
      this.#told.set(member, told);
    }
    told.chosenUpTo = Math.max(told.chosenUpTo, message.commitIndex);
    for (const entry of message.entries) {
      // What is chosen is learned, not proposed again.
      if (entry.index <= message.commitIndex) continue;
      for (const accepted of [entry, core.entryAt(entry.index)]) {
        const known = told.bySlot.get(entry.index);
        if (accepted === undefined || (known !== undefined && !isBelow(known, accepted))) continue;
        told.bySlot.set(entry.index, accepted);
      }
    }
  }

  /** It leads by what others told it: this promise may tell of what it need not know. */
  #forget(member: string, message: Promise1b, core: Pick<Core<unknown, unknown>, "entryAt">): void {
    const told = this.#told.get(member);
    if (told === undefined) return;
    for (const { index } of message.entries) {
      const held = core.entryAt(index);
      if (held === undefined || !isOf(held, told.ballot)) told.bySlot.delete(index);
    }
  }
}

function isOf(entry: Entry, ballot: Ballot): boolean {
  return entry.epoch === ballot.round && entry.proposer === ballot.proposer;
}

function isSame(one: Ballot, other: Ballot): boolean {
  return one.round === other.round && one.proposer === other.proposer;
}

function isBelow(one: Entry, other: Entry): boolean {
  return one.epoch !== other.epoch ? one.epoch < other.epoch : one.proposer < other.proposer;
}

function sameValue(one: Entry, other: Entry): boolean {
  return one.kind === other.kind && hashBytes(one.payload) === hashBytes(other.payload);
}
