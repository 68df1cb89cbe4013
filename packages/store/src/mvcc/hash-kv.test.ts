import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { openStore } from "../store.ts";
import { del, put, range, txn } from "../testing/commands.ts";
import { applyAll, compactFully } from "../testing/driver.ts";

test("HashKV is what etcd 3.4 computed for the same history", () => {
  const store = openStore({ engine: createMemoryEngine() });
  applyAll(store, [
    put("a", "1"),
    put("a", "1"),
    put("a", "1"),
    put("b", "1"),
    put("b", "1"),
    put("c", "1"),
    txn([], [txn([], [del("a")], [put("a", "v")])]),
    txn([], [txn([], [put("a", "v")], [del("a")])]),
    txn([], [txn([], [put("a", "v")]), txn([], [del("a")])]),
  ]);
  assert.deepEqual(store.hashKv(0), { hash: 462460097, hashRevision: 10, compactRevision: -1 });
  applyAll(store, [put("a", "9"), del("b")]);
  assert.deepEqual(store.hashKv(12), { hash: 3385179349, hashRevision: 12, compactRevision: -1 });
  applyAll(store, [{ kind: "compact", revision: 6 }]);
  const compacted = { hash: 79324247, hashRevision: 12, compactRevision: 6 };
  assert.deepEqual(store.hashKv(0), compacted);
  compactFully(store);
  assert.deepEqual(store.hashKv(0), compacted);
  assert.deepEqual(store.range(range("a", "\0", { keysOnly: true, revision: 6 })).kind, "range");
});
