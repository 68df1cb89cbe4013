// Slots that an acceptor is known to hold beyond the first that it lacks: a few ranges, because what
// arrives out of order arrives in runs.

import type { Index } from "../contract.ts";

export class Ranges {
  /** Ascending, apart from each other. */
  #ranges: { first: Index; last: Index }[] = [];

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  add(first: Index, last: Index): void {
    const apart: { first: Index; last: Index }[] = [];
    const merged = { first, last };
    for (const range of this.#ranges) {
      if (range.last + 1 < merged.first || merged.last + 1 < range.first) {
        apart.push(range);
      } else {
        merged.first = Math.min(merged.first, range.first);
        merged.last = Math.max(merged.last, range.last);
      }
    }
    const place = apart.findIndex((range) => range.first > merged.first);
    apart.splice(place < 0 ? apart.length : place, 0, merged);
    this.#ranges = apart;
  }

  /** A copy. */
  toArray(): { readonly first: Index; readonly last: Index }[] {
    return this.#ranges.map((range) => ({ ...range }));
  }

  has(index: Index): boolean {
    return this.#ranges.some(({ first, last }) => first <= index && index <= last);
  }

  /** `index`, or the first after it that is in no range. */
  nextMissing(index: Index): Index {
    let next = index;
    for (const { first, last } of this.#ranges) if (first <= next && next <= last) next = last + 1;
    return next;
  }

  /** Forgets everything up to `index`. */
  dropUpTo(index: Index): void {
    if (this.#ranges.length === 0) return;
    this.#ranges = this.#ranges
      .filter(({ last }) => last > index)
      .map(({ first, last }) => ({ first: Math.max(first, index + 1), last }));
  }

  clear(): void {
    this.#ranges = [];
  }

  /** The highest slot in any range; 0 when there is none. */
  get last(): Index {
    return this.#ranges.at(-1)?.last ?? 0;
  }
}
