// A linearizable read waits for an index at or after everything that was committed when it was asked
// (dissertation §6.4; Zab: sync): else it may miss a write that was acknowledged before it began.

import type { Token } from "@althing/consensus";
import type { Verdicts } from "./verdicts.ts";

export class ReadIndex {
  readonly #asked = new Map<string, Map<Token, number>>();
  readonly #verdicts: Verdicts;

  constructor(verdicts: Verdicts) {
    this.#verdicts = verdicts;
  }

  started(member: string): void {
    this.#asked.delete(member);
  }

  /** `applied` is the highest index that any member has applied so far. */
  asked(member: string, token: Token, applied: number): void {
    let asked = this.#asked.get(member);
    if (asked === undefined) {
      asked = new Map();
      this.#asked.set(member, asked);
    }
    asked.set(token, applied);
  }

  ready(member: string, token: Token, index: number): void {
    const asked = this.#asked.get(member);
    const applied = asked?.get(token);
    if (asked === undefined || applied === undefined) return;
    asked.delete(token);
    if (index < applied) {
      this.#verdicts.violate(
        "read index",
        `${member} may read at index ${index}, though ${applied} was applied somewhere when it asked`,
      );
    }
  }

  rejected(member: string, token: Token): void {
    this.#asked.get(member)?.delete(token);
  }
}
