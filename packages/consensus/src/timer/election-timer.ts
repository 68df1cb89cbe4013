// Randomized election timing (Raft §5.2): each wait is drawn anew from [base, 2 * base), so that
// members seldom campaign together. Time is ticks and nothing else moves it on.

export class ElectionTimer {
  readonly #baseTicks: number;
  readonly #random: () => number;
  #elapsed = 0;
  #timeout = 0;

  constructor(baseTicks: number, random: () => number) {
    this.#baseTicks = baseTicks;
    this.#random = random;
    this.reset();
  }

  get ticksLeft(): number {
    return Math.max(0, this.#timeout - this.#elapsed);
  }

  get isExpired(): boolean {
    return this.#elapsed >= this.#timeout;
  }

  tick(): void {
    this.#elapsed++;
  }

  /** A new wait, of a new length. */
  reset(): void {
    this.#elapsed = 0;
    this.#timeout = this.#baseTicks + Math.floor(this.#random() * this.#baseTicks);
  }

  /** Expires after 1 to `ticks` + 1 ticks, unless it would sooner. */
  hurry(ticks: number): void {
    const wait = 1 + Math.floor(this.#random() * (ticks + 1));
    if (wait < this.ticksLeft) this.#timeout = this.#elapsed + wait;
  }

  /** Leaves at least `ticks` before it expires. */
  postpone(ticks: number): void {
    this.#timeout = Math.max(this.#timeout, this.#elapsed + ticks);
  }
}
