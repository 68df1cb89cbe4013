// How long the oldest log write has been under way. A disk that does not answer within an election
// timeout makes its member unfit to lead, until it answers again (corpus: disk-stall-leader).

import type { Clock } from "./ports.ts";

export class DiskWatch {
  readonly #clock: Clock;
  /** Start times of the writes under way, oldest at `#head`. */
  #started: number[] = [];
  #head = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get underWay(): number {
    return this.#started.length - this.#head;
  }

  /** 0 when nothing is under way. */
  get stalledMs(): number {
    const oldest = this.#started[this.#head];
    return oldest === undefined ? 0 : this.#clock.monotonicMs() - oldest;
  }

  started(): void {
    this.#started.push(this.#clock.monotonicMs());
  }

  /** Writes end in the order in which they began. Returns how long this one took. */
  ended(): number {
    const started = this.#started[this.#head]!;
    this.#head++;
    if (this.#head === this.#started.length) {
      this.#started = [];
      this.#head = 0;
    }
    return this.#clock.monotonicMs() - started;
  }
}
