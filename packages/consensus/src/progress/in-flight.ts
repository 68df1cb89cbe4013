// The window of append messages sent to one follower and not yet acknowledged: a ring of the last
// index of each. It bounds what a slow follower can make its leader send.

import type { Index } from "../contract.ts";

export class InFlight {
  readonly #lastIndexes: Float64Array;
  #start = 0;
  #count = 0;

  constructor(capacity: number) {
    this.#lastIndexes = new Float64Array(Math.max(1, capacity));
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.#lastIndexes.length;
  }

  /** Ascending: each message ends after the one before it. */
  add(lastIndex: Index): void {
    this.#lastIndexes[(this.#start + this.#count) % this.#lastIndexes.length] = lastIndex;
    this.#count++;
  }

  /** Forgets every message that ends at or before `index`. */
  acknowledge(index: Index): void {
    while (this.#count > 0 && this.#lastIndexes[this.#start]! <= index) {
      this.#start = (this.#start + 1) % this.#lastIndexes.length;
      this.#count--;
    }
  }

  /** The last index of each message, oldest first; a copy. */
  toArray(): Index[] {
    const size = this.#lastIndexes.length;
    return Array.from(
      { length: this.#count },
      (_, i) => this.#lastIndexes[(this.#start + i) % size]!,
    );
  }

  clear(): void {
    this.#start = 0;
    this.#count = 0;
  }
}
