// Work that costs more than a message and is asked for by strangers: one piece in each turn of the loop, so
// that whatever comes between, heartbeats first of all, is served in between.

export class TurnByTurn {
  readonly #waiting: (() => void)[] = [];

  /** `run` must not throw. */
  add(run: () => void): void {
    this.#waiting.push(run);
    if (this.#waiting.length === 1) setImmediate(() => this.#next());
  }

  #next(): void {
    const run = this.#waiting[0];
    run?.();
    this.#waiting.shift();
    if (this.#waiting.length > 0) setImmediate(() => this.#next());
  }
}
