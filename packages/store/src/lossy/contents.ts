// What one durable state holds, as maps in memory. What is written at once takes effect at once, and can be
// taken back.

import type { SpaceTable } from "../blocks/ports.ts";

export interface Write {
  readonly table: SpaceTable;
  /** A byte string: they sort as bytes do. */
  readonly key: string;
  /** Undefined removes. */
  readonly value: Uint8Array | undefined;
}

/** Writes that are there together or not at all. */
export interface Commit {
  readonly contents: Contents;
  readonly writes: readonly Write[];
}

export class Contents {
  readonly #tables = new Map<SpaceTable, Map<string, Uint8Array>>();
  /** Of keys and values. */
  bytesInUse = 0;
  /** The most that it ever held: a file that grew does not shrink. */
  bytes = 0;

  get(table: SpaceTable, key: string): Uint8Array | undefined {
    return this.#tables.get(table)?.get(key);
  }

  keys(table: SpaceTable): string[] {
    return [...(this.#tables.get(table)?.keys() ?? [])].sort();
  }

  /** Returns what takes it back. */
  apply(writes: readonly Write[]): Write[] {
    const before: Write[] = [];
    for (const { table, key, value } of writes) {
      before.push({ table, key, value: this.get(table, key) });
      this.#put(table, key, value);
    }
    if (this.bytesInUse > this.bytes) this.bytes = this.bytesInUse;
    return before.reverse();
  }

  /** By how much the file would grow. */
  growthBy(writes: readonly Write[]): number {
    let bytes = this.bytesInUse - this.bytes;
    for (const { table, key, value } of writes) {
      bytes += (value?.length ?? 0) - (this.get(table, key)?.length ?? 0);
    }
    return Math.max(0, bytes);
  }

  copy(): Contents {
    const copy = new Contents();
    for (const [name, table] of this.#tables) copy.#tables.set(name, new Map(table));
    copy.bytesInUse = this.bytesInUse;
    copy.bytes = this.bytes;
    return copy;
  }

  #put(name: SpaceTable, key: string, value: Uint8Array | undefined): void {
    let table = this.#tables.get(name);
    if (table === undefined) {
      table = new Map();
      this.#tables.set(name, table);
    }
    const old = table.get(key);
    if (old !== undefined) this.bytesInUse -= key.length + old.length;
    if (value === undefined) table.delete(key);
    else {
      table.set(key, value);
      this.bytesInUse += key.length + value.length;
    }
  }
}
