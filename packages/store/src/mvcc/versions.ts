// Every stored revision of every key as one row of parallel typed arrays, outside the JavaScript
// heap: about 44 bytes a revision and no object for the collector to trace. The revisions of a key
// form a chain from the newest to the oldest.

import type { Revision } from "../contract.ts";
import type { Handle } from "../engine/port.ts";

/** A row. 0 is none. */
export type VersionId = number;

const tombstoneFlag = 1;
const leaseFlag = 2;
/** The record's length lies above the flags: what a read will cost is known before anything is read. */
const sizeShift = 2;
const sizeMax = 2 ** (32 - sizeShift) - 1;

const rowBits = 16;
const rowMask = (1 << rowBits) - 1;
const firstCapacity = 256;

/** Four numbers of a row lie side by side: whoever reads one mostly reads its neighbours. */
const mainAt = 0;
const createAt = 1;
const versionAt = 2;
const handleAt = 3;

interface Rows {
  readonly capacity: number;
  readonly numbers: Float64Array;
  readonly sub: Uint32Array;
  readonly older: Uint32Array;
  readonly sizeAndFlags: Uint32Array;
}

export class Versions {
  // Row r lives in chunk r >>> 16. Only the first chunk grows (a small store stays small); the
  // others are made whole, so that growth never copies much.
  #chunks: Rows[] = [createRows(firstCapacity)];
  #next = 1;
  /** Head of the list of freed rows, linked by `older`. */
  #free: VersionId = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** A `create` of 0 makes a tombstone. */
  add(
    main: Revision,
    sub: number,
    handle: Handle,
    older: VersionId,
    create: Revision,
    version: number,
    hasLease: boolean,
    size: number,
  ): VersionId {
    const id = this.#allocate();
    const rows = this.#chunks[id >>> rowBits]!;
    const row = id & rowMask;
    const at = row << 2;
    rows.numbers[at] = main;
    rows.numbers[at + createAt] = create;
    rows.numbers[at + versionAt] = version;
    rows.numbers[at + handleAt] = handle;
    rows.sub[row] = sub;
    rows.older[row] = older;
    const flags = create === 0 ? tombstoneFlag : hasLease ? leaseFlag : 0;
    rows.sizeAndFlags[row] = (Math.min(size, sizeMax) << sizeShift) | flags;
    this.#count++;
    return id;
  }

  release(id: VersionId): void {
    const rows = this.#chunks[id >>> rowBits]!;
    const row = id & rowMask;
    // A queue may still name the row: it must not look like the version it was.
    rows.numbers[(row << 2) + mainAt] = 0;
    rows.sizeAndFlags[row] = 0;
    rows.older[row] = this.#free;
    this.#free = id;
    this.#count--;
  }

  main(id: VersionId): Revision {
    return this.#number(id, mainAt);
  }
  sub(id: VersionId): number {
    return this.#chunks[id >>> rowBits]!.sub[id & rowMask]!;
  }
  handle(id: VersionId): Handle {
    return this.#number(id, handleAt);
  }
  /** 0 for a tombstone. */
  create(id: VersionId): Revision {
    return this.#number(id, createAt);
  }
  /** 0 for a tombstone. */
  version(id: VersionId): number {
    return this.#number(id, versionAt);
  }
  older(id: VersionId): VersionId {
    return this.#chunks[id >>> rowBits]!.older[id & rowMask]!;
  }
  isTombstone(id: VersionId): boolean {
    return (this.#chunks[id >>> rowBits]!.sizeAndFlags[id & rowMask]! & tombstoneFlag) !== 0;
  }
  hasLease(id: VersionId): boolean {
    return (this.#chunks[id >>> rowBits]!.sizeAndFlags[id & rowMask]! & leaseFlag) !== 0;
  }
  /** Of the whole record: key, value and numbers. */
  size(id: VersionId): number {
    return this.#chunks[id >>> rowBits]!.sizeAndFlags[id & rowMask]! >>> sizeShift;
  }
  cutOlder(id: VersionId): void {
    this.#chunks[id >>> rowBits]!.older[id & rowMask] = 0;
  }

  #number(id: VersionId, which: number): number {
    return this.#chunks[id >>> rowBits]!.numbers[((id & rowMask) << 2) + which]!;
  }

  #allocate(): VersionId {
    const freed = this.#free;
    if (freed !== 0) {
      this.#free = this.older(freed);
      return freed;
    }
    const id = this.#next++;
    const chunk = id >>> rowBits;
    const rows = this.#chunks[chunk];
    if (rows === undefined) this.#chunks.push(createRows(1 << rowBits));
    else if ((id & rowMask) >= rows.capacity) this.#chunks[chunk] = grow(rows);
    return id;
  }
}

function createRows(capacity: number): Rows {
  return {
    capacity,
    numbers: new Float64Array(capacity * 4),
    sub: new Uint32Array(capacity),
    older: new Uint32Array(capacity),
    sizeAndFlags: new Uint32Array(capacity),
  };
}

function grow(from: Rows): Rows {
  const to = createRows(from.capacity * 2);
  to.numbers.set(from.numbers);
  to.sub.set(from.sub);
  to.older.set(from.older);
  to.sizeAndFlags.set(from.sizeAndFlags);
  return to;
}
