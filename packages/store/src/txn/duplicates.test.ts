import assert from "node:assert/strict";
import { test } from "node:test";
import type { Key, TxnOp } from "../contract.ts";
import { del, put, txn } from "../testing/commands.ts";
import { DeletedKeys } from "./deleted-keys.ts";
import { hasDuplicates } from "./duplicates.ts";

/** The rule as it reads, at any price. */
function touchedSlowly(
  branch: readonly TxnOp[],
): { puts: Key[]; deletes: [Key, Key][] } | undefined {
  const deletes: [Key, Key][] = [];
  const puts: Key[] = [];
  const isDeleted = (key: Key) => deletes.some(([start, end]) => key >= start && key < end);
  for (const op of branch) {
    if (op.kind !== "deleteRange") continue;
    deletes.push([op.key, op.rangeEnd === "" ? `${op.key}\0` : op.rangeEnd]);
  }
  for (const op of branch) {
    if (op.kind !== "txn") continue;
    const success = touchedSlowly(op.success);
    const failure = touchedSlowly(op.failure);
    if (success === undefined || failure === undefined) return undefined;
    for (const key of success.puts) if (puts.includes(key) || isDeleted(key)) return undefined;
    for (const key of failure.puts) {
      if (isDeleted(key) || (puts.includes(key) && !success.puts.includes(key))) return undefined;
    }
    puts.push(...success.puts, ...failure.puts);
    deletes.push(...success.deletes, ...failure.deletes);
  }
  for (const op of branch) {
    if (op.kind !== "put") continue;
    if (puts.includes(op.key) || isDeleted(op.key)) return undefined;
    puts.push(op.key);
  }
  return { puts, deletes };
}

test("duplicates are found as the rule reads, however transactions are nested", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 48271) % 0x7fffffff;
    return seed % below;
  };
  const key = () => String.fromCharCode(97 + random(26), 97 + random(4));
  const branch = (depth: number): TxnOp[] =>
    Array.from({ length: random(4) }, () => {
      const kind = random(depth === 0 ? 2 : 4);
      if (kind === 0) return put(key());
      if (kind === 1) return del(key(), random(3) === 0 ? key() : "");
      return txn([], branch(depth - 1), branch(depth - 1));
    });
  let duplicates = 0;
  for (let i = 0; i < 3000; i++) {
    const ops = branch(3);
    const expected = touchedSlowly(ops) === undefined;
    if (expected) duplicates++;
    assert.equal(hasDuplicates(ops), expected, `transaction ${i}`);
  }
  assert.ok(duplicates > 300 && duplicates < 2700, `${duplicates} with duplicates`);
});

test("what deletions cover is kept in order without moving all of it for each", () => {
  const count = 64 ** 3;
  const orders: [string, (i: number) => number][] = [
    ["ascending", (i) => i],
    ["descending", (i) => count - i],
    ["scattered", (i) => (i * 7919) % count],
  ];
  for (const [order, at] of orders) {
    let next = 0;
    const nested = (depth: number): DeletedKeys => {
      const keys = new DeletedKeys();
      for (let i = 0; i < 64; i++) {
        if (depth > 1) keys.addAll(nested(depth - 1));
        else {
          const n = at(next++);
          const key = String.fromCharCode(n >> 16, (n >> 8) & 255, n & 255);
          keys.add(key, `${key}\0`);
        }
      }
      return keys;
    };
    const keys = nested(3);
    // One sorted list moved some 2^35.
    assert.ok(keys.moved < count * 24, `${order}: ${keys.moved} moved`);
    assert.ok(keys.has(String.fromCharCode(1, 2, 3)));
    assert.ok(!keys.has(String.fromCharCode(1, 2, 3, 1)));
  }
});
