// What was committed but not yet handed to LMDB, as batches that each end at a head. A batch is
// written whole, in one transaction, before the next one is begun: the disk always shows the state
// at some head. Batches are small, so that handing one over does not hold the loop.

import type { Key } from "../contract.ts";
import type { Head } from "../engine/port.ts";

export interface Removal {
  readonly main: number;
  readonly sub: number;
}

export interface Batch {
  readonly head: Head;
  readonly entries: ReadonlyMap<string, readonly [table: string, key: Key, Uint8Array | undefined]>;
  readonly removals: readonly Removal[];
  readonly bytes: number;
  /** Slabs of the arena before this one hold nothing later than this batch. */
  readonly openSlab: number;
}

export const batchRecordsMax = 2048;
/** About what a removal takes in memory. */
const removalBytes = 32;

export class WriteBehind {
  readonly #sealed: Batch[] = [];
  #entries = new Map<string, readonly [string, Key, Uint8Array | undefined]>();
  #removals: Removal[] = [];
  #records = 0;
  /** Of the batch that is not sealed yet. */
  #openBytes = 0;
  #sealedBytes = 0;
  /** The last commit, when it is not sealed yet. */
  #head: Head | undefined;

  get isEmpty(): boolean {
    return this.#head === undefined && this.#sealed.length === 0;
  }

  /** What waits to be written, an entry that was put twice counted twice. */
  get bytes(): number {
    return this.#sealedBytes + this.#openBytes;
  }

  addRecord(bytes: number): void {
    this.#records++;
    this.#openBytes += bytes;
  }

  addEntry(table: string, key: Key, value: Uint8Array | undefined): void {
    this.#entries.set(`${table}\0${key}`, [table, key, value]);
    this.#openBytes += key.length + (value?.length ?? 0);
  }

  addRemoval(main: number, sub: number): void {
    this.#removals.push({ main, sub });
    this.#openBytes += removalBytes;
  }

  /** Returns whether the batch has become large enough to be sealed. */
  commit(head: Head): boolean {
    this.#head = head;
    return this.#records + this.#removals.length + this.#entries.size >= batchRecordsMax;
  }

  seal(openSlab: number): void {
    if (this.#head === undefined) return;
    this.#sealed.push({
      head: this.#head,
      entries: this.#entries,
      removals: this.#removals,
      bytes: this.#openBytes,
      openSlab,
    });
    this.#sealedBytes += this.#openBytes;
    this.#entries = new Map();
    this.#removals = [];
    this.#records = 0;
    this.#openBytes = 0;
    this.#head = undefined;
  }

  /** The oldest sealed batch. It stays until `shift`, because writing it may fail. */
  front(): Batch | undefined {
    return this.#sealed[0];
  }

  shift(): void {
    this.#sealedBytes -= this.#sealed.shift()?.bytes ?? 0;
  }
}
