// The compares of a txn: every key of the compare's range must stand in the relation asked for. A
// range without keys compares as one key that is all zeros, except for values, where it is false.

import type { Compare } from "../contract.ts";
import { keyRange } from "../mvcc/key-range.ts";
import type { Keyspace } from "../mvcc/keyspace.ts";
import { compareBytes } from "../mvcc/range.ts";
import type { VersionId } from "../mvcc/versions.ts";

/** `id` 0 is the key that does not exist. */
export function holds(keyspace: Keyspace, compare: Compare): boolean {
  const { index } = keyspace;
  let empty = true;
  let all = true;
  const visit = (head: number): boolean => {
    if (head <= 0) return true;
    empty = false;
    all = holdsFor(keyspace, compare, head);
    return all;
  };
  if (compare.rangeEnd === "") visit(index.tree.find(compare.key));
  else {
    const { start, end } = keyRange(compare.key, compare.rangeEnd);
    index.tree.ascend(start, end, visit);
  }
  if (!empty) return all;
  return compare.target !== "value" && holdsFor(keyspace, compare, 0);
}

function holdsFor(keyspace: Keyspace, compare: Compare, id: VersionId): boolean {
  const order = orderOf(keyspace, compare, id);
  switch (compare.result) {
    case "equal":
      return order === 0;
    case "notEqual":
      return order !== 0;
    case "greater":
      return order > 0;
    case "less":
      return order < 0;
    case "unknown":
      return true;
  }
}

function orderOf(keyspace: Keyspace, compare: Compare, id: VersionId): number {
  const { versions } = keyspace.index;
  switch (compare.target) {
    case "version":
      return orderOfNumbers(id === 0 ? 0 : versions.version(id), compare.value);
    case "create":
      return orderOfNumbers(id === 0 ? 0 : versions.create(id), compare.value);
    case "mod":
      return orderOfNumbers(id === 0 ? 0 : versions.main(id), compare.value);
    case "lease":
      return orderOfNumbers(id === 0 ? 0n : keyspace.leaseOf(id), compare.value);
    case "value":
      return compareBytes(keyspace.load("", id).value, compare.value);
  }
}

function orderOfNumbers(stored: number | bigint, given: number | bigint): number {
  return stored < given ? -1 : stored > given ? 1 : 0;
}
