// Whether this member may lead. One that is not fit gives up leadership as soon as it holds it, to a
// follower that can take it; it keeps following and voting, because its log may still be needed for a
// majority.

import type { Turn } from "./turn.ts";

export type Unfitness = "diskStalled" | "corrupt" | "stopping" | "failed";

export class Fitness {
  readonly #turn: Turn;
  readonly #reasons = new Set<Unfitness>();

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  get isFit(): boolean {
    return this.#reasons.size === 0;
  }

  set(reason: Unfitness, unfit: boolean): void {
    if (unfit === this.#reasons.has(reason)) return;
    if (unfit) this.#reasons.add(reason);
    else this.#reasons.delete(reason);
    this.#turn.observe({
      kind: unfit ? "leadership.unfit" : "leadership.fit",
      // To stop is nothing to worry about.
      level: unfit && reason !== "stopping" ? "warn" : "info",
      reason,
    });
    if (unfit) this.uphold();
  }

  /** Called after every input that may make a leader of this member. */
  uphold(): void {
    if (this.#reasons.size === 0) return;
    const { role } = this.#turn.core.status();
    if (role === "leader" || role === "candidate") this.#turn.step({ kind: "stepDown" });
  }
}
