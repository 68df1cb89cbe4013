// The small tables of an engine, in memory: what changes in place and is not a revision of a key.

import type { Key } from "../contract.ts";

export class Tables {
  readonly #tables = new Map<string, Map<Key, Uint8Array>>();

  put(table: string, key: Key, value: Uint8Array): void {
    let entries = this.#tables.get(table);
    if (entries === undefined) {
      entries = new Map();
      this.#tables.set(table, entries);
    }
    // Not `slice`: of a Buffer that is a view.
    entries.set(key, new Uint8Array(value));
  }

  delete(table: string, key: Key): void {
    const entries = this.#tables.get(table);
    entries?.delete(key);
    if (entries?.size === 0) this.#tables.delete(table);
  }

  names(): string[] {
    return [...this.#tables.keys()].sort();
  }

  entries(table: string): [Key, Uint8Array][] {
    return [...(this.#tables.get(table) ?? [])];
  }
}
