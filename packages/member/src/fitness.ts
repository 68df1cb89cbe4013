// Whether this member may lead. The core is told whenever that changes: one that is not fit gives
// leadership up, to a follower that can take it, and wins none; it keeps following and voting, because
// its log may still be needed for a majority.

import type { Turn } from "./turn.ts";

export type Unfitness = "diskStalled" | "corrupt" | "stopping";

export class Fitness {
  readonly #turn: Turn;
  readonly #reasons = new Set<Unfitness>();

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  set(reason: Unfitness, unfit: boolean): void {
    if (unfit === this.#reasons.has(reason)) return;
    const wasFit = this.#reasons.size === 0;
    if (unfit) this.#reasons.add(reason);
    else this.#reasons.delete(reason);
    const isFit = this.#reasons.size === 0;
    this.#turn.observe({
      kind: unfit ? "leadership.unfit" : "leadership.fit",
      // To stop is nothing to worry about.
      level: unfit && reason !== "stopping" ? "warn" : "info",
      reason,
    });
    if (isFit !== wasFit) this.#turn.step({ kind: "fitness", isFit });
  }
}
