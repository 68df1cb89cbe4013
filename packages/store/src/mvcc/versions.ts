// Every stored revision of every key as one row of parallel typed arrays, outside the JavaScript
// heap: about 41 bytes a revision and no object for the collector to trace. The revisions of a key
// form a chain from the newest to the oldest.

import type { Revision } from "../contract.ts";
import type { Handle } from "../engine/port.ts";

/** A row. 0 is none. */
export type VersionId = number;

const tombstoneFlag = 1;
const leaseFlag = 2;

const rowBits = 16;
const rowMask = (1 << rowBits) - 1;
const firstCapacity = 256;

interface Columns {
  readonly capacity: number;
  readonly main: Float64Array;
  readonly create: Float64Array;
  readonly version: Float64Array;
  readonly handle: Float64Array;
  readonly sub: Uint32Array;
  readonly older: Uint32Array;
  readonly flags: Uint8Array;
}

export class Versions {
  // Row r lives in chunk r >>> 16. Only the first chunk grows (a small store stays small); the
  // others are made whole, so that growth never copies much.
  #chunks: Columns[] = [createColumns(firstCapacity)];
  #next = 1;
  /** Head of the list of freed rows, linked by `older`. */
  #free: VersionId = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(
    main: Revision,
    sub: number,
    handle: Handle,
    older: VersionId,
    about: { create: Revision; version: number; hasLease: boolean } | undefined,
  ): VersionId {
    const id = this.#allocate();
    const columns = this.#chunks[id >>> rowBits]!;
    const row = id & rowMask;
    columns.main[row] = main;
    columns.sub[row] = sub;
    columns.handle[row] = handle;
    columns.older[row] = older;
    columns.create[row] = about === undefined ? 0 : about.create;
    columns.version[row] = about === undefined ? 0 : about.version;
    columns.flags[row] = about === undefined ? tombstoneFlag : about.hasLease ? leaseFlag : 0;
    this.#count++;
    return id;
  }

  release(id: VersionId): void {
    const columns = this.#chunks[id >>> rowBits]!;
    const row = id & rowMask;
    // A queue may still name the row: it must not look like the version it was.
    columns.main[row] = 0;
    columns.flags[row] = 0;
    columns.older[row] = this.#free;
    this.#free = id;
    this.#count--;
  }

  main(id: VersionId): Revision {
    return this.#chunks[id >>> rowBits]!.main[id & rowMask]!;
  }
  sub(id: VersionId): number {
    return this.#chunks[id >>> rowBits]!.sub[id & rowMask]!;
  }
  handle(id: VersionId): Handle {
    return this.#chunks[id >>> rowBits]!.handle[id & rowMask]!;
  }
  /** 0 for a tombstone. */
  create(id: VersionId): Revision {
    return this.#chunks[id >>> rowBits]!.create[id & rowMask]!;
  }
  /** 0 for a tombstone. */
  version(id: VersionId): number {
    return this.#chunks[id >>> rowBits]!.version[id & rowMask]!;
  }
  older(id: VersionId): VersionId {
    return this.#chunks[id >>> rowBits]!.older[id & rowMask]!;
  }
  isTombstone(id: VersionId): boolean {
    return (this.#chunks[id >>> rowBits]!.flags[id & rowMask]! & tombstoneFlag) !== 0;
  }
  hasLease(id: VersionId): boolean {
    return (this.#chunks[id >>> rowBits]!.flags[id & rowMask]! & leaseFlag) !== 0;
  }
  cutOlder(id: VersionId): void {
    this.#chunks[id >>> rowBits]!.older[id & rowMask] = 0;
  }

  #allocate(): VersionId {
    const freed = this.#free;
    if (freed !== 0) {
      this.#free = this.older(freed);
      return freed;
    }
    const id = this.#next++;
    const chunk = id >>> rowBits;
    const columns = this.#chunks[chunk];
    if (columns === undefined) this.#chunks.push(createColumns(1 << rowBits));
    else if ((id & rowMask) >= columns.capacity) this.#chunks[chunk] = grow(columns);
    return id;
  }
}

function createColumns(capacity: number): Columns {
  return {
    capacity,
    main: new Float64Array(capacity),
    create: new Float64Array(capacity),
    version: new Float64Array(capacity),
    handle: new Float64Array(capacity),
    sub: new Uint32Array(capacity),
    older: new Uint32Array(capacity),
    flags: new Uint8Array(capacity),
  };
}

function grow(from: Columns): Columns {
  const to = createColumns(from.capacity * 2);
  to.main.set(from.main);
  to.create.set(from.create);
  to.version.set(from.version);
  to.handle.set(from.handle);
  to.sub.set(from.sub);
  to.older.set(from.older);
  to.flags.set(from.flags);
  return to;
}
