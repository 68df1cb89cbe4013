// State Machine Safety (Raft §5.4.3, Figure 3; Paxos: only one value is chosen per slot; Zab: total
// order): if a member has applied an entry at an index, no other ever applies a different one there.
// And each life applies every index once, in order, beginning after what its store already holds.

import type { Entry } from "@althing/consensus";
import { hashBytes } from "../trace/hash.ts";
import type { Verdicts } from "./verdicts.ts";

export interface Committed {
  readonly epoch: number;
  readonly kind: string;
  readonly hash: number;
  /** The epoch of whoever applied it first: it was committed in this one or before. */
  readonly committedIn: number;
}

export class StateMachineSafety {
  /** By index; the place 0 is empty. */
  readonly committed: Committed[] = [{ epoch: 0, kind: "", hash: 0, committedIn: 0 }];
  readonly #next = new Map<string, number>();
  readonly #verdicts: Verdicts;
  readonly #epochMatters: boolean;

  constructor(verdicts: Verdicts, protocol: string) {
    this.#verdicts = verdicts;
    // A Paxos value keeps its identity under every ballot that proposes it again.
    this.#epochMatters = protocol !== "paxos";
  }

  started(member: string, applied: number): void {
    this.#next.set(member, applied + 1);
  }

  /** A snapshot took the place of entries. */
  installed(member: string, index: number): void {
    this.#next.set(member, index + 1);
  }

  /** Tells `first` of every entry that nobody had applied before. */
  applied(
    member: string,
    entries: readonly Entry[],
    epoch: number,
    first: (entry: Entry) => void = () => {},
  ): void {
    let next = this.#next.get(member) ?? 1;
    for (const entry of entries) {
      if (entry.index !== next) {
        this.#verdicts.violate(
          "state machine safety",
          `${member} applies index ${entry.index} where ${next} is due`,
        );
        return;
      }
      next++;
      if (this.committed[entry.index] === undefined) first(entry);
      this.#compare(member, entry, epoch);
    }
    this.#next.set(member, next);
  }

  #compare(member: string, entry: Entry, epoch: number): void {
    const hash = hashBytes(entry.payload);
    const known = this.committed[entry.index];
    if (known === undefined) {
      // Whoever comes first applied everything before it too, or began from a snapshot of it.
      this.committed[entry.index] = {
        epoch: entry.epoch,
        kind: entry.kind,
        hash,
        committedIn: epoch,
      };
      return;
    }
    const same =
      known.hash === hash &&
      known.kind === entry.kind &&
      (!this.#epochMatters || known.epoch === entry.epoch);
    if (!same) {
      this.#verdicts.violate(
        "state machine safety",
        `${member} applies a different entry at index ${entry.index}: ` +
          `${entry.kind} of epoch ${entry.epoch}, not ${known.kind} of epoch ${known.epoch}`,
      );
    }
  }
}
