// A compare of a txn: every key of its range must stand in the relation asked for. A range without
// keys compares as one key that is all zeros, except for values, where it is false. As a selection,
// it can stop after any key and go on later.

import type { Compare, Key, Revision } from "../contract.ts";
import { keyRange } from "../mvcc/key-range.ts";
import type { Keyspace, ReadPoint } from "../mvcc/keyspace.ts";
import { visibleAt } from "../mvcc/selection.ts";
import type { VersionId } from "../mvcc/versions.ts";
import { type Meter, workOf } from "../mvcc/work.ts";

export class Comparison {
  readonly #keyspace: Keyspace;
  readonly #compare: Compare;
  readonly #revision: Revision;
  readonly #meter: Meter;
  readonly #floor: Revision;
  /** What is still to be walked. */
  #start: Key;
  #isEmpty = true;

  constructor(keyspace: Keyspace, compare: Compare, at: ReadPoint, meter: Meter) {
    this.#keyspace = keyspace;
    this.#compare = compare;
    this.#revision = at.revision;
    this.#meter = meter;
    this.#floor = at.floor;
    this.#start = compare.key;
  }

  /** Whether it holds; undefined when the meter said that it is due before that was known. */
  step(): boolean | undefined {
    const { index } = this.#keyspace;
    const { key, rangeEnd, target } = this.#compare;
    let all = true;
    let isDone = true;
    if (rangeEnd === "") {
      this.#meter.charge(workOf.look);
      const id = visibleAt(index, index.tree.find(key), this.#revision, this.#meter);
      if (id !== 0) {
        this.#isEmpty = false;
        all = this.#holdsFor(id);
      }
    } else {
      const { end } = keyRange(key, rangeEnd);
      index.tree.ascend(this.#start, end, (head, address) => {
        all = this.#visit(head);
        if (!all) return false;
        if (!this.#meter.isDue) return true;
        isDone = false;
        this.#start = `${index.tree.key(address)}\0`;
        return false;
      });
    }
    if (!isDone) return undefined;
    if (!this.#isEmpty) return all;
    return target !== "value" && this.#holdsFor(0);
  }

  #visit(head: number): boolean {
    const { index } = this.#keyspace;
    const meter = this.#meter;
    if (head < 0 && index.versions.main(-head) < this.#floor) {
      meter.pass(workOf.look);
      return true;
    }
    meter.charge(workOf.look);
    const id = visibleAt(index, head, this.#revision, meter);
    if (id === 0) return true;
    this.#isEmpty = false;
    return this.#holdsFor(id);
  }

  /** `id` 0 is the key that does not exist. */
  #holdsFor(id: VersionId): boolean {
    const order = this.#orderOf(id);
    switch (this.#compare.result) {
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

  #orderOf(id: VersionId): number {
    const { versions } = this.#keyspace.index;
    const compare = this.#compare;
    switch (compare.target) {
      case "version":
        return orderOfNumbers(id === 0 ? 0 : versions.version(id), compare.value);
      case "create":
        return orderOfNumbers(id === 0 ? 0 : versions.create(id), compare.value);
      case "mod":
        return orderOfNumbers(id === 0 ? 0 : versions.main(id), compare.value);
      case "lease":
        if (id !== 0 && versions.hasLease(id)) this.#chargeRecord(id);
        return orderOfNumbers(id === 0 ? 0n : this.#keyspace.leaseOf(id), compare.value);
      case "value":
        this.#chargeRecord(id);
        return compareBytes(this.#keyspace.load("", id).value, compare.value);
    }
  }

  #chargeRecord(id: VersionId): void {
    this.#meter.charge(workOf.pair + this.#keyspace.index.versions.size(id));
  }
}

function orderOfNumbers(stored: number | bigint, given: number | bigint): number {
  return stored < given ? -1 : stored > given ? 1 : 0;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
