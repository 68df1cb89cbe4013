// The log of Multi-Paxos: one instance of the synod per slot, so a slot may be empty between others
// and what was accepted in it is replaced by what a higher ballot proposes. Each slot knows the write
// that carried it, because only what is on disk was accepted as far as others may hear.

import { assert } from "../assert.ts";
import type { Entry, Index } from "../contract.ts";

/** Decided in this turn: no write carries it yet. */
export const unwritten = Number.POSITIVE_INFINITY;

export class Slots {
  #baseIndex: Index;
  #items: (Entry | undefined)[] = [];
  /** For each of `#items`, the sequence of its write; 0 for what a restart found. */
  #sequences: number[] = [];
  /** Where in the arrays the slot after the base stands. */
  #start = 0;

  constructor(baseIndex: Index, entries: readonly Entry[]) {
    this.#baseIndex = baseIndex;
    for (const entry of entries) this.put(entry, 0);
  }

  get baseIndex(): Index {
    return this.#baseIndex;
  }

  /** The highest slot in which anything was accepted; the base when there is none. */
  get lastIndex(): Index {
    return this.#baseIndex + this.#items.length - this.#start;
  }

  at(index: Index): Entry | undefined {
    return index <= this.#baseIndex
      ? undefined
      : this.#items[this.#start + index - this.#baseIndex - 1];
  }

  put(entry: Entry, sequence: number): void {
    assert(entry.index > this.#baseIndex, "what is compacted is never written again");
    const place = this.#start + entry.index - this.#baseIndex - 1;
    while (this.#items.length < place) {
      this.#items.push(undefined);
      this.#sequences.push(0);
    }
    this.#items[place] = entry;
    this.#sequences[place] = sequence;
  }

  /** The write that carries what the slot holds now. */
  sequenceAt(index: Index): number {
    return this.#sequences[this.#start + index - this.#baseIndex - 1] ?? unwritten;
  }

  /** The slot's value travels in this write. False when that was known. */
  written(index: Index, sequence: number): boolean {
    const place = this.#start + index - this.#baseIndex - 1;
    if (index <= this.#baseIndex || this.#sequences[place] !== unwritten) return false;
    this.#sequences[place] = sequence;
    return true;
  }

  /** Makes `index` the base; slots after it stay as they are, also when it was never held. */
  compact(index: Index): void {
    if (index <= this.#baseIndex) return;
    this.#start = Math.min(this.#start + index - this.#baseIndex, this.#items.length);
    this.#baseIndex = index;
    if (this.#start * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#start);
      this.#sequences = this.#sequences.slice(this.#start);
      this.#start = 0;
    } else {
      // The waste must not keep payloads alive.
      this.#items.fill(undefined, 0, this.#start);
    }
  }

  /** From `first` to `last`, both included; every slot of them is filled. */
  slice(first: Index, last: Index): Entry[] {
    const offset = this.#start - this.#baseIndex - 1;
    const items = this.#items.slice(offset + first, offset + last + 1);
    assert(items.length === last - first + 1 && !items.includes(undefined), "no slot is missing");
    return items as Entry[];
  }

  /** Filled slots from `first` up to `last`, as many as `bytesMax` of payload allow; at least one. */
  sliceOfBytes(first: Index, last: Index, bytesMax: number): Entry[] {
    let index = first;
    let bytes = 0;
    for (; index <= last; index++) {
      const entry = this.at(index);
      assert(entry !== undefined, "no slot is missing");
      bytes += entry.payload.length;
      if (bytes > bytesMax && index > first) break;
    }
    return this.slice(first, index - 1);
  }

  /** All that is held; a copy of the list, not of the entries. */
  toArray(): Entry[] {
    return this.#items.slice(this.#start).filter((entry) => entry !== undefined);
  }
}
