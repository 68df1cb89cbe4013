// Values that are kept to be sorted, packed: an object for each would cost more than most values, and the
// collector seconds.

import { type Meter, workOf } from "./work.ts";

const firstSlabBytes = 4096;
const slabBytesMax = 1024 * 1024;

export class PackedValues {
  /** Of all slabs, and of the books kept of them. */
  heldBytes = 0;
  readonly #slabs: Uint8Array[] = [];
  /** Of the last slab: a first value, be it empty, needs one. */
  #used = 1;
  #room = 0;
  readonly #slabOf: number[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  get count(): number {
    return this.#starts.length;
  }

  add(value: Uint8Array): void {
    if (this.#used + value.length > this.#room) {
      const usual = Math.min(firstSlabBytes << Math.min(this.#slabs.length, 8), slabBytesMax);
      this.#room = Math.max(usual, value.length);
      this.#slabs.push(new Uint8Array(this.#room));
      this.heldBytes += this.#room;
      this.#used = 0;
    }
    this.#slabs[this.#slabs.length - 1]!.set(value, this.#used);
    this.#slabOf.push(this.#slabs.length - 1);
    this.#starts.push(this.#used);
    this.#used += value.length;
    this.#ends.push(this.#used);
    this.heldBytes += 3 * 8;
  }

  /** Of two values by their places. What they have in common is paid for. */
  compare(a: number, b: number, meter: Meter): number {
    const ofA = this.#slabs[this.#slabOf[a]!]!;
    const ofB = this.#slabs[this.#slabOf[b]!]!;
    const start = this.#starts[a]!;
    const shift = this.#starts[b]! - start;
    const length = Math.min(this.#ends[a]! - start, this.#ends[b]! - this.#starts[b]!);
    let at = start;
    while (at < start + length && ofA[at] === ofB[at + shift]) at++;
    meter.charge((at - start) * workOf.commonByte);
    if (at < start + length) return ofA[at]! - ofB[at + shift]!;
    return this.#ends[a]! - start - (this.#ends[b]! - this.#starts[b]!);
  }
}
