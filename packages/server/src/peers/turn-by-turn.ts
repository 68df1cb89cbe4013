// Work that costs more than a message and is asked for by strangers: one piece in each turn of the loop, so
// that whatever comes between, heartbeats first of all, is served in between. Whoever has gone meanwhile costs
// no turn: a crowd that comes and goes makes nobody wait behind it.

export class TurnByTurn {
  readonly #waiting = new Set<() => boolean>();

  /** `run` must not throw; false: there was nothing left to do. */
  add(run: () => boolean): void {
    this.#waiting.add(run);
    if (this.#waiting.size === 1) setImmediate(() => this.#next());
  }

  #next(): void {
    for (const run of this.#waiting) {
      const hasWorked = run();
      this.#waiting.delete(run);
      if (hasWorked) break;
    }
    if (this.#waiting.size > 0) setImmediate(() => this.#next());
  }
}
