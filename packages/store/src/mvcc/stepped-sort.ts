// A merge sort that can stop anywhere and go on later: a million pairs take more than a second to
// sort, and the loop must not wait for it. Ties keep their order.

import { type Meter, workOf } from "./work.ts";

/** Sorted at once. */
const runLength = 1024;
const runComparisons = 10;

export class SteppedSort {
  /** Places of the elements, in order once `step` says so. */
  order: Uint32Array;
  readonly #compare: (a: number, b: number) => number;
  readonly #meter: Meter;
  #spare: Uint32Array;
  /** Runs of this length are sorted; 0: none is. */
  #width = 0;
  /** What the pass under way has written. */
  #out = 0;
  #left = 0;
  #right = 0;

  /** `compare` is given two places below `count`. */
  constructor(count: number, compare: (a: number, b: number) => number, meter: Meter) {
    this.order = new Uint32Array(count);
    for (let i = 0; i < count; i++) this.order[i] = i;
    this.#spare = new Uint32Array(count > runLength ? count : 0);
    this.#compare = compare;
    this.#meter = meter;
  }

  /** True: it is sorted. */
  step(): boolean {
    const { length } = this.order;
    while (this.#width < length && length > 1) {
      if (this.#width === 0 ? !this.#sortRuns() : !this.#mergePass()) return false;
    }
    return true;
  }

  #sortRuns(): boolean {
    const { order } = this;
    while (this.#out < order.length) {
      if (this.#meter.isDue) return false;
      const end = Math.min(this.#out + runLength, order.length);
      // Stable, as the language demands of it.
      order.subarray(this.#out, end).sort(this.#compare);
      this.#meter.charge((end - this.#out) * runComparisons * workOf.comparison);
      this.#out = end;
    }
    this.#width = runLength;
    this.#beginPass();
    return true;
  }

  #beginPass(): void {
    this.#out = 0;
    this.#left = 0;
    this.#right = Math.min(this.#width, this.order.length);
  }

  /** Merges pairs of neighbouring runs into the spare half. */
  #mergePass(): boolean {
    const from = this.order;
    const to = this.#spare;
    const { length } = from;
    while (this.#out < length) {
      const start = this.#out - (this.#out % (2 * this.#width));
      const middle = Math.min(start + this.#width, length);
      const end = Math.min(start + 2 * this.#width, length);
      const stop = Math.min(this.#out + runLength, end);
      if (this.#meter.isDue) return false;
      this.#meter.charge((stop - this.#out) * workOf.comparison);
      while (this.#out < stop) {
        const takesLeft =
          this.#left < middle &&
          (this.#right >= end || this.#compare(from[this.#left]!, from[this.#right]!) <= 0);
        to[this.#out++] = takesLeft ? from[this.#left++]! : from[this.#right++]!;
      }
      if (this.#out === end) {
        this.#left = end;
        this.#right = Math.min(end + this.#width, length);
      }
    }
    this.order = to;
    this.#spare = from;
    this.#width *= 2;
    this.#beginPass();
    return true;
  }
}
