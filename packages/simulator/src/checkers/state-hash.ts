// Equal state at equal index: the running hash of every store after each applied entry is the same
// on all members ("Paxos made live" §6; corpus: applied unevenly, diverged members).

import type { Verdicts } from "./verdicts.ts";

export class StateHash {
  readonly #hashes = new Map<number, { hash: number; member: string }>();
  readonly #verdicts: Verdicts;

  constructor(verdicts: Verdicts) {
    this.#verdicts = verdicts;
  }

  observed(member: string, index: number, hash: number): void {
    const known = this.#hashes.get(index);
    if (known === undefined) this.#hashes.set(index, { hash, member });
    else if (known.hash !== hash) {
      this.#verdicts.violate(
        "state hash",
        `${member} has ${hash.toString(16)} at index ${index}, ${known.member} had ${known.hash.toString(16)}`,
      );
    }
  }
}
