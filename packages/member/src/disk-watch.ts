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

const PATIENCE_MAX = 16;
const CALM_MS = 60_000;

/**
 * Judges whether the disk is too slow to lead with. Each time leadership was given up for it the next
 * verdict takes twice as long, until the disk has been quick for a while: where all disks are slow
 * somebody has to lead nevertheless.
 */
export class DiskJudge {
  readonly #limitMs: number;
  #patience = 1;
  #isStalled = false;
  #slowMs = 0;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  isStalled(stalledMs: number, nowMs: number, leads: boolean): boolean {
    const isSlow = stalledMs >= this.#limitMs;
    if (isSlow) this.#slowMs = nowMs;
    else if (nowMs - this.#slowMs >= CALM_MS) this.#patience = 1;
    // The verdict stands until the disk has answered.
    if (this.#isStalled) this.#isStalled = isSlow;
    else if (stalledMs >= this.#limitMs * this.#patience) {
      this.#isStalled = true;
      if (leads) this.#patience = Math.min(2 * this.#patience, PATIENCE_MAX);
    }
    return this.#isStalled;
  }
}
