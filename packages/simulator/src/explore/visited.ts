// The states that were reached, by a fingerprint of 64 bits each: eight bytes, and no more whatever a state
// holds. Two states with one fingerprint would be taken for one. How likely that is for any two of them is
// `collisionChance`, and it is told with every result.

const firstSlots = 1 << 16;
/** Beyond that the searches for a free slot get long. */
const fullest = 0.75;

export class Visited {
  /** Pairs of numbers; both 0 where no state is. */
  #slots = new Uint32Array(2 * firstSlots);
  #mask = firstSlots - 1;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** False when the state was known. */
  add(row: Int32Array): boolean {
    let high = 0x9e3779b9;
    let low = 0x7f4a7c15;
    // Two hashes with multipliers of their own, of which neither can be told from the other.
    for (let i = 0; i < row.length; i++) {
      const word = row[i]!;
      let one = Math.imul(word, 0xcc9e2d51);
      one = Math.imul((one << 15) | (one >>> 17), 0x1b873593);
      high ^= one;
      high = (Math.imul((high << 13) | (high >>> 19), 5) + 0xe6546b64) | 0;
      let other = Math.imul(word ^ 0x5bd1e995, 0x239b961b);
      other = Math.imul((other << 16) | (other >>> 16), 0xab0e9789);
      low ^= other;
      low = (Math.imul((low << 19) | (low >>> 13), 9) + 0x561ccd1b) | 0;
    }
    high = finish(high);
    low = finish(low ^ 0x38b34ae5);
    if (high === 0 && low === 0) low = 1;
    return this.#insert(high, low);
  }

  #insert(high: number, low: number): boolean {
    const slots = this.#slots;
    const mask = this.#mask;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const heldHigh = slots[2 * slot]!;
      const heldLow = slots[2 * slot + 1]!;
      if (heldHigh === 0 && heldLow === 0) {
        slots[2 * slot] = high;
        slots[2 * slot + 1] = low;
        if (++this.#count > fullest * (mask + 1)) this.#grow();
        return true;
      }
      if (heldHigh === high && heldLow === low) return false;
    }
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(2 * before.length);
    this.#mask = 2 * (this.#mask + 1) - 1;
    this.#count = 0;
    for (let i = 0; i < before.length; i += 2) {
      if (before[i] !== 0 || before[i + 1] !== 0) this.#insert(before[i]!, before[i + 1]!);
    }
  }
}

/** That any two of so many states have one fingerprint. */
export function collisionChance(states: number): number {
  return (states * (states - 1)) / 2 ** 65;
}

function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
