import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command, StoreErrorCode, TxnOp } from "../contract.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { openStore } from "../store.ts";
import { compareValue, del, put, range, txn } from "../testing/commands.ts";
import { applyAll, applyOne } from "../testing/driver.ts";

function outcome(command: Command, before: readonly Command[] = []): StoreErrorCode | "done" {
  const store = openStore({ engine: createMemoryEngine() });
  applyAll(store, before);
  const result = applyOne(store, command);
  if (result.kind === "error") {
    assert.equal(store.revision, 1 + before.filter(({ kind }) => kind === "put").length);
    return result.code;
  }
  return "done";
}

const p = put("a", "v");
const d = del("a");

test("the duplicate rule, with the holes that etcd 3.4 has", () => {
  const nested = (success: TxnOp[], failure: TxnOp[] = []): TxnOp => txn([], success, failure);
  const table: [string, TxnOp[], StoreErrorCode | "done"][] = [
    ["put twice", [p, p], "duplicateKey"],
    ["put and delete", [p, d], "duplicateKey"],
    ["delete twice", [d, d], "done"],
    ["delete of an open range and put", [p, del("a", "\0")], "done"],
    ["delete of a range and put", [p, del("\0", "b")], "duplicateKey"],
    ["put and range", [p, range("a")], "done"],
    ["nested: then delete, else put", [nested([d], [p])], "done"],
    ["nested: then put, else delete", [nested([p], [d])], "done"],
    ["nested: then put, else put", [nested([p], [p])], "done"],
    ["beside: put, then delete", [nested([p]), nested([d])], "done"],
    ["beside: delete, then put", [nested([d]), nested([p])], "duplicateKey"],
    ["put above a nested delete", [p, nested([d])], "duplicateKey"],
    ["put in both, then in another", [nested([p], [p]), nested([], [p])], "duplicateKey"],
  ];
  for (const [what, ops, expected] of table) assert.equal(outcome(txn([], ops)), expected, what);
});

test("errors come in etcd's order, and leave no trace", () => {
  const missing = put("zz", "", { ignoreValue: true, lease: 77n });
  assert.equal(outcome(txn([], [missing])), "keyNotFound");
  assert.equal(outcome(missing), "leaseNotFound");
  const future = range("a", "", { revision: 999 });
  assert.equal(outcome(txn([], [future, put("b", "", { lease: 7n })])), "leaseNotFound");
  assert.equal(outcome(txn([], [put("b"), future])), "futureRevision");
  assert.equal(outcome(txn([], [], [put("a", "v", { ignoreValue: true })])), "valueProvided");
  assert.equal(outcome(txn([], [], [put("a", "", { ignoreValue: true })])), "done");
  assert.equal(outcome(txn([], [range("a", "", { revision: -1 })])), "done");
  assert.equal(outcome(txn([], [range("a", "", { revision: -5 })])), "compacted");
  assert.equal(outcome(txn([compareValue("", "equal", "")], [])), "keyEmpty");
});

test("an operation reports the old revision before the txn's first change, the new one after", () => {
  const store = openStore({ engine: createMemoryEngine() });
  const result = applyOne(store, txn([], [del("x"), put("y"), del("x"), range("y")]));
  assert.equal(result.kind, "txn");
  const revisions = result.kind === "txn" ? result.responses.map(({ revision }) => revision) : [];
  assert.deepEqual(revisions, [1, 2, 2, 2]);
});

test("a put and a delete of one key in one revision leave no key and one revision", () => {
  const store = openStore({ engine: createMemoryEngine() });
  applyOne(store, txn([], [p, del("a", "\0")]));
  assert.equal(store.revision, 2);
  assert.deepEqual(store.range(range("a", "", { revision: 2 })), {
    kind: "range",
    revision: 2,
    kvs: [],
    more: false,
    count: 0,
  });
});
