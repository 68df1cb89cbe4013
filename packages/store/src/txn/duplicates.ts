// Within one branch of a txn, nested ones included, a key may be put once, and may not be both put
// and covered by a delete. Two oddities are etcd's and observable: a delete of an open range
// (rangeEnd "\0") is not seen by this check, and of two nested txns side by side only the later
// one's puts are held against the other's deletes.

import type { Key, TxnOp } from "../contract.ts";
import { IntervalSet } from "./interval-set.ts";

export function hasDuplicates(branch: readonly TxnOp[]): boolean {
  return touchedBy(branch) === undefined;
}

interface Touched {
  readonly puts: Set<Key>;
  readonly deletes: IntervalSet;
}

/** Undefined when there is a duplicate. */
function touchedBy(branch: readonly TxnOp[]): Touched | undefined {
  const puts = new Set<Key>();
  const deletes = new IntervalSet();
  for (const op of branch) {
    if (op.kind !== "deleteRange") continue;
    // With "\0" as its end the interval is inverted, and so empty.
    deletes.add(op.key, op.rangeEnd === "" ? `${op.key}\0` : op.rangeEnd);
  }
  for (const op of branch) {
    if (op.kind !== "txn") continue;
    const success = touchedBy(op.success);
    const failure = touchedBy(op.failure);
    if (success === undefined || failure === undefined) return undefined;
    for (const key of success.puts) {
      if (puts.has(key) || deletes.has(key)) return undefined;
    }
    for (const key of success.puts) puts.add(key);
    for (const key of failure.puts) {
      // The two branches exclude each other: the same put in both is one put.
      if ((puts.has(key) && !success.puts.has(key)) || deletes.has(key)) return undefined;
      puts.add(key);
    }
    deletes.addAll(success.deletes);
    deletes.addAll(failure.deletes);
  }
  for (const op of branch) {
    if (op.kind !== "put") continue;
    if (puts.has(op.key) || deletes.has(op.key)) return undefined;
    puts.add(op.key);
  }
  return { puts, deletes };
}
