// The entries of all tables in one order, whatever order an engine keeps them in: two members at the
// same point send the same snapshot. A hundred thousand leases must not be sorted in one go, so runs
// are sorted one at a time and merged as they are asked for.

import type { Key } from "../contract.ts";

export type TableEntry = readonly [table: string, key: Key, value: Uint8Array];
type Entry = readonly [Key, Uint8Array];

const runLength = 2048;

/** Yields `undefined` where a step should end. Tables come sorted by name. */
export function* sortedEntries(
  tables: readonly (readonly [table: string, entries: Entry[]])[],
): Generator<TableEntry | undefined, undefined> {
  for (const [table, entries] of tables) {
    const runs: Entry[][] = [];
    for (let start = 0; start < entries.length; start += runLength) {
      runs.push(entries.slice(start, start + runLength).sort(byKey));
      if (entries.length > runLength) yield undefined;
    }
    for (const [key, value] of merged(runs)) yield [table, key, value];
  }
}

function* merged(runs: readonly Entry[][]): Generator<Entry> {
  const at = runs.map(() => 0);
  for (;;) {
    let least = -1;
    for (let run = 0; run < runs.length; run++) {
      const entry = runs[run]![at[run]!];
      if (entry === undefined) continue;
      if (least < 0 || byKey(entry, runs[least]![at[least]!]!) < 0) least = run;
    }
    if (least < 0) return;
    yield runs[least]![at[least]!++]!;
  }
}

function byKey(a: Entry, b: Entry): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}
