// The bytes of the keys, outside the JavaScript heap: a million keys are no objects to trace or to
// move. A key is addressed by a number; freed room is used again by keys of about the same length.

import { byteStringOf } from "@althing/bytes";
import type { Key } from "../contract.ts";

/** In units of eight bytes: slab, then place in it. 0 is none. */
export type KeyAddress = number;

const unitBits = 17;
const unitsPerSlab = 1 << unitBits;
const unitMask = unitsPerSlab - 1;
const firstUnits = 512;
const lengthBytes = 4;

export class KeyPool {
  // Only the first slab grows; a key longer than a slab gets one of its own.
  readonly #slabs: Uint8Array[] = [new Uint8Array(firstUnits * 8)];
  readonly #free = new Map<number, KeyAddress[]>();
  readonly #freeSlabs: number[] = [];
  #slab = 0;
  #nextUnit = 1;

  /** Allocated. */
  get bytes(): number {
    return this.#slabs.reduce((sum, slab) => sum + slab.length, 0);
  }

  add(bytes: Uint8Array, start: number, end: number): KeyAddress {
    const length = end - start;
    const address = this.#allocate((length + lengthBytes + 7) >>> 3);
    const slab = this.#slabs[address >>> unitBits]!;
    let at = (address & unitMask) << 3;
    slab[at++] = length;
    slab[at++] = length >>> 8;
    slab[at++] = length >>> 16;
    slab[at++] = length >>> 24;
    for (let i = start; i < end; i++) slab[at++] = bytes[i]!;
    return address;
  }

  copy(address: KeyAddress): KeyAddress {
    const start = startOf(address);
    const slab = this.#slabs[address >>> unitBits]!;
    return this.add(slab, start, start + lengthAt(slab, start));
  }

  free(address: KeyAddress): void {
    const slab = this.#slabs[address >>> unitBits]!;
    const units = (lengthAt(slab, startOf(address)) + lengthBytes + 7) >>> 3;
    if (units > unitsPerSlab) {
      this.#slabs[address >>> unitBits] = new Uint8Array(0);
      this.#freeSlabs.push(address >>> unitBits);
      return;
    }
    const list = this.#free.get(units);
    if (list === undefined) this.#free.set(units, [address]);
    else list.push(address);
  }

  key(address: KeyAddress): Key {
    const slab = this.#slabs[address >>> unitBits]!;
    const start = startOf(address);
    return byteStringOf(slab, start, start + lengthAt(slab, start));
  }

  /** The slab that holds the key; `start` and `length` say where. */
  slab(address: KeyAddress): Uint8Array {
    return this.#slabs[address >>> unitBits]!;
  }

  start(address: KeyAddress): number {
    return startOf(address);
  }

  length(address: KeyAddress): number {
    return lengthAt(this.#slabs[address >>> unitBits]!, startOf(address));
  }

  /** Below 0 when the key comes before the given bytes. */
  compare(address: KeyAddress, bytes: Uint8Array, start: number, end: number): number {
    const slab = this.#slabs[address >>> unitBits]!;
    const at = startOf(address);
    const length = lengthAt(slab, at);
    const shared = Math.min(length, end - start);
    for (let i = 0; i < shared; i++) {
      const difference = slab[at + i]! - bytes[start + i]!;
      if (difference !== 0) return difference;
    }
    return length - (end - start);
  }

  /** How many leading bytes the key shares with the given ones, `most` at most. */
  shared(address: KeyAddress, bytes: Uint8Array, start: number, end: number, most: number): number {
    const slab = this.#slabs[address >>> unitBits]!;
    const at = startOf(address);
    const limit = Math.min(lengthAt(slab, at), end - start, most);
    let i = 0;
    while (i < limit && slab[at + i] === bytes[start + i]) i++;
    return i;
  }

  sharedBetween(a: KeyAddress, b: KeyAddress): number {
    const slab = this.#slabs[b >>> unitBits]!;
    const start = startOf(b);
    const length = lengthAt(slab, start);
    return this.shared(a, slab, start, start + length, length);
  }

  /** See `hintOf`. */
  hint(address: KeyAddress, prefix: number): number {
    const slab = this.#slabs[address >>> unitBits]!;
    const start = startOf(address);
    return hintOf(slab, start + prefix, start + lengthAt(slab, start));
  }

  #allocate(units: number): KeyAddress {
    const freed = this.#free.get(units)?.pop();
    if (freed !== undefined) return freed;
    if (units > unitsPerSlab) return this.#dedicate(units);
    if (this.#nextUnit + units > unitsPerSlab) {
      this.#slab = this.#slabs.length;
      this.#slabs.push(new Uint8Array(unitsPerSlab * 8));
      this.#nextUnit = 0;
    }
    const end = (this.#nextUnit + units) * 8;
    const slab = this.#slabs[this.#slab]!;
    if (end > slab.length) {
      const larger = new Uint8Array(Math.min(unitsPerSlab * 8, Math.max(end, slab.length * 2)));
      larger.set(slab);
      this.#slabs[this.#slab] = larger;
    }
    const address = addressOf(this.#slab, this.#nextUnit);
    this.#nextUnit += units;
    return address;
  }

  #dedicate(units: number): KeyAddress {
    const slab = this.#freeSlabs.pop() ?? this.#slabs.length;
    this.#slabs[slab] = new Uint8Array(units * 8);
    return addressOf(slab, 0);
  }
}

/**
 * The six bytes from `start` on as a number: what comes first compares lower. Equal hints say
 * nothing: a key that ends here looks like one that goes on with zeros.
 */
export function hintOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start >= 6) {
    const high = (bytes[start]! << 16) | (bytes[start + 1]! << 8) | bytes[start + 2]!;
    const low = (bytes[start + 3]! << 16) | (bytes[start + 4]! << 8) | bytes[start + 5]!;
    return high * 0x1000000 + low;
  }
  let hint = 0;
  for (let i = start; i < start + 6; i++) hint = hint * 256 + (i < end ? bytes[i]! : 0);
  return hint;
}

function addressOf(slab: number, unit: number): KeyAddress {
  return ((slab << unitBits) | unit) >>> 0;
}

/** Where the bytes of the key begin in its slab. */
function startOf(address: KeyAddress): number {
  return ((address & unitMask) << 3) + lengthBytes;
}

/** `start` is where the bytes begin: the length stands before them. */
function lengthAt(slab: Uint8Array, start: number): number {
  return (
    slab[start - 4]! | (slab[start - 3]! << 8) | (slab[start - 2]! << 16) | (slab[start - 1]! << 24)
  );
}
