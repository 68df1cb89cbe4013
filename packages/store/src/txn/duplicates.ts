// Within one branch of a txn, nested ones included, a key may be put once, and may not be both put
// and covered by a delete. Two oddities are etcd's and observable: a delete of an open range
// (rangeEnd "\0") is not seen by this check, and of two nested txns side by side only the later
// one's puts are held against the other's deletes.

import type { Key, TxnOp } from "../contract.ts";
import { DeletedKeys } from "./deleted-keys.ts";

export function hasDuplicates(branch: readonly TxnOp[]): boolean {
  return touchedBy(branch) === undefined;
}

interface Touched {
  readonly puts: Set<Key>;
  readonly deletes: DeletedKeys;
}

/** Undefined when there is a duplicate. */
function touchedBy(branch: readonly TxnOp[]): Touched | undefined {
  let puts = new Set<Key>();
  const deletes = new DeletedKeys();
  const meets = (keys: ReadonlySet<Key>): boolean => {
    if (haveCommon(keys, puts)) return true;
    if (!deletes.isEmpty) for (const key of keys) if (deletes.has(key)) return true;
    return false;
  };
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
    // The two branches exclude each other: the same put in both is one put.
    if (meets(success.puts) || meets(failure.puts)) return undefined;
    puts = united(united(puts, success.puts), failure.puts);
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

/** The smaller one is looked through: what is nested deep is not looked through once a level. */
function haveCommon(a: ReadonlySet<Key>, b: ReadonlySet<Key>): boolean {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a];
  for (const key of small) if (large.has(key)) return true;
  return false;
}

/** Takes both: one of them is the result. */
function united(a: Set<Key>, b: Set<Key>): Set<Key> {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a];
  for (const key of small) large.add(key);
  return large;
}
