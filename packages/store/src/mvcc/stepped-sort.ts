// A merge sort that can stop after any element and go on later: a million pairs take more than a second to
// sort, and the loop must not wait for it. Ties keep their order. It always compares the same pairs of the
// same elements, so that what it costs can be told from them.

import { type Meter, workOf } from "./work.ts";

export class SteppedSort {
  /** Places of the elements, in order once `step` says so. */
  order: Uint32Array;
  readonly #compare: (a: number, b: number) => number;
  readonly #meter: Meter;
  #spare: Uint32Array;
  /** Runs of this length are sorted. */
  #width = 1;
  /** What the pass under way has written, and where in the two runs that it merges it is. */
  #out = 0;
  #left = 0;
  #right = 1;

  /** `compare` is given two places below `count`. */
  constructor(count: number, compare: (a: number, b: number) => number, meter: Meter) {
    this.order = new Uint32Array(count);
    for (let i = 0; i < count; i++) this.order[i] = i;
    this.#spare = new Uint32Array(count);
    this.#compare = compare;
    this.#meter = meter;
  }

  /** True: it is sorted. */
  step(): boolean {
    while (this.#width < this.order.length) if (!this.#mergePass()) return false;
    return true;
  }

  /** Merges pairs of neighbouring runs into the spare half. */
  #mergePass(): boolean {
    const { order } = this;
    const { length } = order;
    while (this.#out < length) {
      const start = this.#out - (this.#out % (2 * this.#width));
      const middle = Math.min(start + this.#width, length);
      const end = Math.min(start + 2 * this.#width, length);
      if (!this.#merge(middle, end)) return false;
      this.#left = end;
      this.#right = Math.min(end + this.#width, length);
    }
    this.order = this.#spare;
    this.#spare = order;
    this.#width *= 2;
    this.#out = 0;
    this.#left = 0;
    this.#right = Math.min(this.#width, length);
    return true;
  }

  /** False: it stopped before the end. */
  #merge(middle: number, end: number): boolean {
    const from = this.order;
    const to = this.#spare;
    const meter = this.#meter;
    let left = this.#left;
    let right = this.#right;
    let out = this.#out;
    while (out < end && !meter.isDue) {
      meter.charge(workOf.comparison);
      const takesLeft =
        left < middle && (right >= end || this.#compare(from[left]!, from[right]!) <= 0);
      to[out++] = takesLeft ? from[left++]! : from[right++]!;
    }
    this.#left = left;
    this.#right = right;
    this.#out = out;
    return out === end;
  }
}
