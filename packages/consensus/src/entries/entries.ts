// The log as a core sees it: the entries after a base, in memory, gapless. Appending costs one
// push, compaction moves a start and copies only when half of the array is waste; entries are
// shared objects, never cloned. Paxos, whose log has gaps, keeps a variant of its own.

import { assert } from "../assert.ts";
import type { Entry, Epoch, Index } from "../contract.ts";

export class Entries {
  #baseIndex: Index;
  #baseEpoch: Epoch;
  #items: Entry[];
  /** Where in `#items` the entry after the base stands. */
  #start = 0;

  constructor(baseIndex: Index, baseEpoch: Epoch, entries: readonly Entry[]) {
    this.#baseIndex = baseIndex;
    this.#baseEpoch = baseEpoch;
    this.#items = [];
    for (const entry of entries) this.append(entry);
  }

  get baseIndex(): Index {
    return this.#baseIndex;
  }

  get baseEpoch(): Epoch {
    return this.#baseEpoch;
  }

  get lastIndex(): Index {
    return this.#baseIndex + this.#items.length - this.#start;
  }

  get lastEpoch(): Epoch {
    return this.#items.length === this.#start
      ? this.#baseEpoch
      : this.#items[this.#items.length - 1]!.epoch;
  }

  at(index: Index): Entry | undefined {
    return index <= this.#baseIndex
      ? undefined
      : this.#items[this.#start + index - this.#baseIndex - 1];
  }

  /** Known for the base as well; undefined before it and after the end. */
  epochAt(index: Index): Epoch | undefined {
    return index === this.#baseIndex ? this.#baseEpoch : this.at(index)?.epoch;
  }

  append(entry: Entry): void {
    assert(entry.index === this.lastIndex + 1, "the log has no gaps");
    this.#items.push(entry);
  }

  /** Drops every entry at or after `index`. */
  truncateFrom(index: Index): void {
    assert(index > this.#baseIndex, "what is compacted is never truncated");
    if (index <= this.lastIndex) this.#items.length = this.#start + index - this.#baseIndex - 1;
  }

  /** Makes `index` the base. */
  compact(index: Index): void {
    if (index <= this.#baseIndex) return;
    const entry = this.at(index);
    assert(entry !== undefined, "only what stands in the log is compacted");
    this.#start += index - this.#baseIndex;
    this.#baseIndex = index;
    this.#baseEpoch = entry.epoch;
    if (this.#start * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#start);
      this.#start = 0;
    } else {
      // The waste must not keep payloads alive; holes are read by nothing.
      this.#items.fill(entry, 0, this.#start);
    }
  }

  /** Begins anew after a snapshot. */
  reset(baseIndex: Index, baseEpoch: Epoch): void {
    this.#baseIndex = baseIndex;
    this.#baseEpoch = baseEpoch;
    this.#items = [];
    this.#start = 0;
  }

  /** Entries from `first` to `last`, both included. */
  slice(first: Index, last: Index): Entry[] {
    assert(first > this.#baseIndex && last <= this.lastIndex, "a slice lies within the log");
    const offset = this.#start - this.#baseIndex - 1;
    return this.#items.slice(offset + first, offset + last + 1);
  }

  /** Entries from `first` on, as many as `bytesMax` of payload allow, and at least one. */
  sliceOfBytes(first: Index, bytesMax: number): Entry[] {
    let offset = this.#start + first - this.#baseIndex - 1;
    const begin = offset;
    let bytes = 0;
    while (offset < this.#items.length) {
      bytes += this.#items[offset]!.payload.length;
      if (bytes > bytesMax && offset > begin) break;
      offset++;
    }
    return this.#items.slice(begin, offset);
  }

  /** The last index, at or before `upTo`, whose epoch is at most `epoch`; the base at the least. */
  lastIndexWithEpochAtMost(epoch: Epoch, upTo: Index): Index {
    // Epochs never fall along a log, so halving finds it (a long log of one term is common).
    let low = this.#baseIndex;
    let high = Math.min(upTo, this.lastIndex);
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.epochAt(middle)! <= epoch) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** All of them; a copy of the list, not of the entries. */
  toArray(): Entry[] {
    return this.#items.slice(this.#start);
  }
}
