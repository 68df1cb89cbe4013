// What was chosen at each index, as far as anybody acted on it: all that ever do must agree.

import assert from "node:assert/strict";
import type { Entry, Protocol } from "../contract.ts";

export class Chosen {
  readonly #entries = new Map<number, Entry>();
  readonly #protocol: Pick<Protocol, "name">;

  constructor(protocol: Pick<Protocol, "name">) {
    this.#protocol = protocol;
  }

  /** Somebody applies the entry, or would. */
  note(entry: Entry, why: string): void {
    const chosen = this.#entries.get(entry.index) ?? entry;
    this.#entries.set(entry.index, chosen);
    assertSameEntry(this.#protocol, entry, chosen, why);
  }
}

export function assertSameEntry(
  { name }: Pick<Protocol, "name">,
  one: Entry,
  other: Entry,
  why: string,
): void {
  // Paxos may choose one value in several ballots.
  const { epoch, proposer } = name === "paxos" ? other : one;
  assert.deepEqual({ ...one, epoch, proposer }, other, why);
}
