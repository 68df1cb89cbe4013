// What the roles of one user permit together: the union of their ranges, so that grants that touch or
// overlap count as one. A request is permitted when all of it lies within. Ends are taken as they are
// in the request: "" is the single key, "\0" everything from the key on.

import type { Key, Permission } from "../contract.ts";
import { openEnd } from "../mvcc/key-range.ts";
import { IntervalSet } from "../txn/interval-set.ts";

/** Greater than every key: no unit of a key is above 0xff. */
const beyondAllKeys: Key = "\u0100";

export class PermittedRanges {
  readonly #read = new IntervalSet();
  readonly #write = new IntervalSet();

  add({ kind, key, rangeEnd }: Permission): void {
    const end = endOf(key, rangeEnd);
    if (kind !== "write") this.#read.add(key, end);
    if (kind !== "read") this.#write.add(key, end);
  }

  permit(access: "read" | "write", key: Key, rangeEnd: Key): boolean {
    const ranges = access === "read" ? this.#read : this.#write;
    return ranges.covers(key, endOf(key, rangeEnd));
  }
}

function endOf(key: Key, rangeEnd: Key): Key {
  if (rangeEnd === "") return `${key}\0`;
  return rangeEnd === openEnd ? beyondAllKeys : rangeEnd;
}
