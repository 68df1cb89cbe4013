// The only source of chance in a simulation: xoshiro128++ over 32-bit words, so that it is fast and
// bit-identical in every JavaScript engine. A generator is split by name, never by position: what
// the network draws does not move when a fault is removed from the plan.

import { exponentialOf, naturalLog } from "./arithmetic.ts";

export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  readonly #high: number;
  readonly #low: number;

  /** Two 32-bit words of seed. */
  constructor(high: number, low: number) {
    this.#high = high >>> 0;
    this.#low = low >>> 0;
    this.#a = mix(this.#high ^ 0x9e3779b9);
    this.#b = mix(this.#low ^ this.#a);
    this.#c = mix(this.#b + 0x85ebca6b + this.#high);
    this.#d = mix(this.#c ^ 0xc2b2ae35 ^ this.#low) | 1;
    for (let i = 0; i < 8; i++) this.word();
  }

  /** A generator of its own for `name`; the same one whatever was drawn here before. */
  split(name: string): Prng {
    let high = this.#high ^ 0x51ed270b;
    let low = this.#low ^ 0x2545f491;
    for (let i = 0; i < name.length; i++) {
      const unit = name.charCodeAt(i);
      high = mix(high ^ unit);
      low = mix(low + Math.imul(unit, 0x27d4eb2f) + high);
    }
    return new Prng(high, low);
  }

  /** 32 random bits, unsigned. */
  word(): number {
    const sum = (this.#a + this.#d) | 0;
    const result = (((sum << 7) | (sum >>> 25)) + this.#a) | 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result >>> 0;
  }

  /** Uniform in [0, 1). */
  random(): number {
    return this.word() / 4294967296;
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.random() * bound);
  }

  /** A whole number in [low, high], both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.below(list.length)];
    if (item === undefined) throw new RangeError("pick from an empty list");
    return item;
  }

  /** Picks an item with the probability of its weight. */
  weighted<T>(items: readonly (readonly [weight: number, item: T])[]): T {
    let total = 0;
    for (const [weight] of items) total += weight;
    let at = this.random() * total;
    for (const [weight, item] of items) {
      at -= weight;
      if (at < 0) return item;
    }
    const last = items[items.length - 1];
    if (last === undefined) throw new RangeError("pick from an empty list");
    return last[1];
  }

  /** A new list in random order. */
  shuffle<T>(list: readonly T[]): T[] {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const item = out[i] as T;
      out[i] = out[j] as T;
      out[j] = item;
    }
    return out;
  }

  /** Exponentially distributed, never more than twenty means. */
  exponential(mean: number): number {
    return Math.min(-naturalLog(1 - this.random()) * mean, mean * 20);
  }

  /** Between low and high, evenly over the orders of magnitude. */
  logUniform(low: number, high: number): number {
    return low * exponentialOf(naturalLog(high / low) * this.random());
  }
}

/** The finalizer of MurmurHash3: every input bit moves every output bit. */
function mix(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
