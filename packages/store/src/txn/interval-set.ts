// A set of keys given as half-open intervals, kept sorted and disjoint.

import type { Key } from "../contract.ts";

export class IntervalSet {
  readonly #starts: Key[] = [];
  readonly #ends: Key[] = [];

  /** An empty or inverted interval adds nothing. */
  add(start: Key, end: Key): void {
    if (end <= start) return;
    // All that [start, end) touches becomes one interval with it.
    const first = lowerBound(this.#ends, start);
    let last = first;
    let low = start;
    let high = end;
    for (; last < this.#starts.length && this.#starts[last]! <= end; last++) {
      if (this.#starts[last]! < low) low = this.#starts[last]!;
      if (this.#ends[last]! > high) high = this.#ends[last]!;
    }
    this.#starts.splice(first, last - first, low);
    this.#ends.splice(first, last - first, high);
  }

  /** Whether one interval holds all of [start, end), and `start` in any case. */
  covers(start: Key, end: Key): boolean {
    const place = lowerBound(this.#ends, end > start ? end : `${start}\0`);
    return place < this.#starts.length && this.#starts[place]! <= start;
  }
}

/** The first place whose key is >= `key`. */
function lowerBound(keys: readonly Key[], key: Key): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
