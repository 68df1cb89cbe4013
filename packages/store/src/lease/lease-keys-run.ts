// The keys that hang on a lease, sorted, in short steps: a lease may have a million. They are those of the
// moment at which the run was opened.

import type { Key, LeaseKeysRun } from "../contract.ts";
import { SteppedSort } from "../mvcc/stepped-sort.ts";
import { Meter, workOf } from "../mvcc/work.ts";

const placeBytes = 16;

export function openLeaseKeys(keys: readonly Key[]): LeaseKeysRun {
  const meter = new Meter();
  let sort: SteppedSort | undefined;
  let order: Uint32Array | undefined;
  let keyBytes = 0;
  let weighed = 0;
  let at = 0;
  return {
    get heldBytes() {
      return keys.length * placeBytes + keyBytes;
    },
    allow(work) {
      meter.allow(work);
    },
    next() {
      for (; weighed < keys.length; weighed++) {
        if (meter.isDue) return undefined;
        keyBytes += keys[weighed]!.length;
        meter.charge(workOf.look);
      }
      if (order === undefined) {
        const compare = (a: number, b: number) =>
          keys[a]! < keys[b]! ? -1 : Number(keys[a] !== keys[b]);
        sort ??= new SteppedSort(keys.length, compare, meter);
        if (!sort.step()) return undefined;
        order = sort.order;
      }
      if (meter.isDue && at < keys.length) return undefined;
      const next: Key[] = [];
      while (at < keys.length && !meter.isDue) {
        const key = keys[order[at++]!]!;
        next.push(key);
        meter.charge(workOf.pair + key.length);
      }
      return next;
    },
  };
}
