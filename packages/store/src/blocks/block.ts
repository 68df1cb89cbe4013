// Records lie in LMDB in blocks of about two pages: a put, a get and a scan step of LMDB cost
// microseconds each, and a block shares them among some thirty records.
//
//   block = records: main f64, sub u32, length u32, bytes

const blockBytesAim = 8100;
const headerBytes = 16;

/** A block in LMDB, by its first record as it was written. Also its key, once records are gone. */
export interface Block {
  readonly main: number;
  readonly sub: number;
  /** Records in it, dead ones included. */
  count: number;
  /** Removed, but still there until the block is rewritten; each with the list that says so. */
  dead: Map<number | string, RemovalList> | undefined;
}

/** A block that is not on the disk yet. */
export interface MadeBlock {
  readonly block: Block;
  readonly bytes: Uint8Array;
}

/**
 * One batch's removals as LMDB keeps them. A restart must not take a removed record for a live one:
 * what superseded it may be gone already. The list goes when none of its records is left, and is written
 * anew when half of them are gone: a record in a block that nothing else is removed from may stay for ever.
 */
export interface RemovalList {
  readonly id: number;
  remaining: number;
  /** Of how many it tells on the disk. */
  written: number;
}

/** Most of it is gone. */
export function isSparse({ dead, count }: Block): boolean {
  return dead !== undefined && dead.size * 2 > count;
}

export function isWorthRewriting({ remaining, written }: RemovalList): boolean {
  return remaining > 0 && remaining * 2 <= written;
}

/** How a record is named in `dead`. Almost all have the sub 0. */
export function recordName(main: number, sub: number): number | string {
  return sub === 0 ? main : `${main}.${sub}`;
}

export class BlockBuilder {
  main = 0;
  sub = 0;
  count = 0;
  #bytes = new Uint8Array(blockBytesAim);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Whether the record does not fit any more; then `take` first. */
  isFullFor(record: Uint8Array): boolean {
    return this.count > 0 && this.#length + headerBytes + record.length > blockBytesAim;
  }

  add(main: number, sub: number, record: Uint8Array): void {
    const end = this.#length + headerBytes + record.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(end);
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    if (this.count++ === 0) {
      this.main = main;
      this.sub = sub;
    }
    this.#view.setFloat64(this.#length, main);
    this.#view.setUint32(this.#length + 8, sub);
    this.#view.setUint32(this.#length + 12, record.length);
    this.#bytes.set(record, this.#length + headerBytes);
    this.#length = end;
  }

  /** The block so far; the builder begins another one. */
  take(): MadeBlock {
    const block: Block = { main: this.main, sub: this.sub, count: this.count, dead: undefined };
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    this.count = 0;
    return { block, bytes };
  }
}

/** Calls `visit` for each record until it says false; its bytes are views. */
function eachRecord(
  bytes: Uint8Array,
  visit: (main: number, sub: number, record: Uint8Array) => boolean,
): boolean {
  return eachRecordPlace(bytes, (main, sub, start, end) =>
    visit(main, sub, bytes.subarray(start, end)),
  );
}

/** As above, without those that were removed. */
export function eachLiveRecord(
  { dead }: Block,
  bytes: Uint8Array,
  visit: (main: number, sub: number, record: Uint8Array) => boolean,
): boolean {
  return eachRecord(
    bytes,
    (main, sub, record) => dead?.has(recordName(main, sub)) || visit(main, sub, record),
  );
}

export function eachRecordPlace(
  bytes: Uint8Array,
  visit: (main: number, sub: number, start: number, end: number) => boolean,
): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const start = at + headerBytes;
    const end = start + view.getUint32(at + 12);
    if (end > bytes.length) throw new Error("a block of records ends too early");
    if (!visit(view.getFloat64(at), view.getUint32(at + 8), start, end)) return false;
    at = end;
  }
  return true;
}

/** A view of one record, or undefined. */
export function findRecord(bytes: Uint8Array, main: number, sub: number): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    const end = at + headerBytes + view.getUint32(at + 12);
    if (view.getFloat64(at) === main && view.getUint32(at + 8) === sub) {
      return bytes.subarray(at + headerBytes, end);
    }
    at = end;
  }
  return undefined;
}
