// What was committed but not yet handed to LMDB, as batches that each end at a head. A batch is
// written whole, in one transaction, before the next one is begun: the disk always shows the state
// at some head. Batches are small, so that handing one over does not hold the loop. Removals need no
// commit of their own: compaction makes them whenever there is time, also long after the last commit.

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
  #written = 0;
  #entries = new Map<string, readonly [string, Key, Uint8Array | undefined]>();
  #removals: Removal[] = [];
  /** Removals that are not written, sealed or not. */
  #unwrittenRemovals = 0;
  #records = 0;
  /** Of records and entries that are not sealed yet. */
  #openBytes = 0;
  #sealedBytes = 0;
  /** Of the last commit. */
  #head: Head;
  /** It is not sealed yet. */
  #isCommitted = false;

  constructor(head: Head) {
    this.#head = head;
  }

  /** What waits to be written, an entry that was put twice counted twice. */
  get bytes(): number {
    return this.#sealedBytes + this.#openBytes + this.#removals.length * removalBytes;
  }

  get unwrittenRemovals(): number {
    return this.#unwrittenRemovals;
  }

  /** Batches that were sealed, ever. */
  get sealedCount(): number {
    return this.#written + this.#sealed.length;
  }

  /** Those of them that were written. */
  get writtenCount(): number {
    return this.#written;
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
    this.#unwrittenRemovals++;
  }

  commit(head: Head): void {
    this.#head = head;
    this.#isCommitted = true;
  }

  /** Enough for a batch. */
  get isFull(): boolean {
    return this.#records + this.#removals.length + this.#entries.size >= batchRecordsMax;
  }

  /**
   * What is committed and what is removed becomes a batch. Without a commit since the last one the
   * removals alone do: what a command has written so far must not reach the disk before its head.
   */
  seal(openSlab: number): void {
    if (!this.#isCommitted && this.#removals.length === 0) return;
    let bytes = this.#removals.length * removalBytes;
    let entries: Batch["entries"] = new Map();
    if (this.#isCommitted) {
      bytes += this.#openBytes;
      entries = this.#entries;
      this.#entries = new Map();
      this.#records = 0;
      this.#openBytes = 0;
      this.#isCommitted = false;
    }
    this.#sealed.push({ head: this.#head, entries, removals: this.#removals, bytes, openSlab });
    this.#sealedBytes += bytes;
    this.#removals = [];
  }

  /** The oldest sealed batch. It stays until `shift`, because writing it may fail. */
  front(): Batch | undefined {
    return this.#sealed[0];
  }

  shift(): void {
    const batch = this.#sealed.shift();
    if (batch === undefined) return;
    this.#sealedBytes -= batch.bytes;
    this.#unwrittenRemovals -= batch.removals.length;
    this.#written++;
  }
}
