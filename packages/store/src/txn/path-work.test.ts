// A bound that travels with a command: refused or not, it comes out the same on every member, whatever each
// has compacted, restarted or taken from a snapshot; what is refused leaves no trace, what is not is
// carried out as ever, and answers no more than its bound. Without a bound all is as it was.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { decodeCommand } from "../command/decode.ts";
import { encodeCommand } from "../command/encode.ts";
import type { Command, DeleteRangeCommand, KeyValue, Result, TxnCommand } from "../contract.ts";
import { openDiskEngine } from "../disk/disk-engine.ts";
import { closed, flushed } from "../engine/testing/engine-suite.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { plainRange } from "../mvcc/plain-range.ts";
import { commandWorkMax, workOf } from "../mvcc/work.ts";
import { type OpenedStore, openStore } from "../store.ts";
import { compare, compareValue, del, put, range, txn } from "../testing/commands.ts";
import { applyOne, snapshotOf } from "../testing/driver.ts";
import { Oracle } from "../testing/oracle.ts";
import { createRandom, randomCommand } from "../testing/random-commands.ts";
import { bounded } from "./path-work.ts";

const everything = plainRange("\0", "\0");

function pairsOf(result: Result): readonly KeyValue[] {
  switch (result.kind) {
    case "range":
      return result.kvs;
    case "put":
      return result.prevKv === undefined ? [] : [result.prevKv];
    case "deleteRange":
      return result.prevKvs;
    case "txn":
      return result.responses.flatMap(pairsOf);
    default:
      return [];
  }
}

function leastWork(result: Result): number {
  return pairsOf(result).reduce(
    (sum, { key, value }) => sum + workOf.pair + key.length + value.length,
    0,
  );
}

function normal(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (name, inner: unknown) => {
      if (name === "tombstone") return undefined;
      if (typeof inner === "bigint") return String(inner);
      return inner instanceof Uint8Array ? Buffer.from(inner).toString("latin1") : inner;
    }),
  );
}

async function restoredFrom(store: OpenedStore): Promise<OpenedStore> {
  const restored = openStore({ engine: createMemoryEngine() });
  const writer = restored.beginRestore();
  for (const chunk of snapshotOf(store)) writer.write(chunk);
  writer.finish();
  await new Promise<void>((resolve, reject) => {
    writer.install((error) => (error === undefined ? resolve() : reject(error)));
  });
  return restored;
}

for (const seed of [11, 12, 13, 14]) {
  test(`bounded commands come out the same on every member and engine (seed ${seed})`, async () => {
    const random = createRandom(seed);
    const directory = mkdtempSync(join(tmpdir(), "althing-work-"));
    const oracle = new Oracle();
    const memory = openStore({ engine: createMemoryEngine() });
    let disk = openStore({ engine: openDiskEngine({ directory }) });
    let restored = openStore({ engine: createMemoryEngine() });
    const outcomes = { refused: 0, done: 0 };
    for (let step = 0; step < 400; step++) {
      const drawn = randomCommand(random, oracle.revision);
      const isBounded = drawn.kind === "txn" || drawn.kind === "deleteRange";
      const command: Command = isBounded ? { ...drawn, workMax: 1 + random(400) } : drawn;
      assert.deepEqual(decodeCommand(encodeCommand(command)), command);
      const work = isBounded ? memory.workOf(command as TxnCommand) : 0;
      const before = { hash: memory.stateHash().hash, state: normal(memory.range(everything)) };
      const result = applyOne(memory, command, step);
      assert.deepEqual(normal(applyOne(disk, command, step)), normal(result));
      assert.deepEqual(normal(applyOne(restored, command, step)), normal(result));
      assert.deepEqual(disk.stateHash(), memory.stateHash());
      assert.deepEqual(restored.stateHash(), memory.stateHash());
      if (result.kind === "error" && result.code === "tooCostly") {
        outcomes.refused++;
        assert.ok(isBounded && work > (command as TxnCommand).workMax!);
        assert.equal(memory.stateHash().hash, before.hash);
        assert.deepEqual(normal(memory.range(everything)), before.state);
      } else {
        if (isBounded) outcomes.done++;
        assert.deepEqual(normal(oracle.apply(command, step)), normal(result));
        const { workMax = Number.POSITIVE_INFINITY } = command as TxnCommand;
        assert.ok(leastWork(result) <= workMax, `${leastWork(result)} of ${workMax}`);
        if (isBounded) assert.ok(work <= workMax);
      }
      if (random(5) === 0) memory.compactStep();
      if (random(9) === 0) disk.compactStep();
      if (random(30) === 0) {
        await flushed(disk);
        await closed(disk);
        disk = openStore({ engine: openDiskEngine({ directory }) });
      }
      if (random(30) === 0) restored = await restoredFrom(random(2) === 0 ? memory : disk);
    }
    assert.ok(outcomes.refused > 20 && outcomes.done > 20, JSON.stringify(outcomes));
    await closed(disk);
    rmSync(directory, { recursive: true, force: true });
  });
}

function filled(): OpenedStore {
  const store = openStore({ engine: createMemoryEngine({ volatile: true }) });
  for (let i = 0; i < 100; i++) applyOne(store, put(`k${i}`, "v".repeat(1000)));
  for (let i = 0; i < 500; i++) applyOne(store, put("often", `${i}`));
  return store;
}

test("each way to make a command read much is counted", () => {
  const all = range("\0", "\0");
  const big = put("new", "x".repeat(50_000));
  const ways: [string, TxnCommand | DeleteRangeCommand][] = [
    ["a range", txn([], [put("a"), all])],
    ["the same range many times", txn([], [put("a"), ...Array(20).fill(range("k1"))])],
    [
      "sorted by value",
      txn([], [put("a"), { ...all, sortOrder: "ascend", sortTarget: "value", limit: 1 }]),
    ],
    [
      "a filter that lets nothing pass",
      txn([], [put("a"), ...Array(50).fill({ ...all, minModRevision: 9999 })]),
    ],
    [
      "counted in the past",
      txn([], [put("a"), ...Array(50).fill({ ...all, countOnly: true, revision: 90 })]),
    ],
    [
      "a key with a long past",
      txn([], [put("a"), ...Array(20).fill(range("often", "", { revision: 105 }))]),
    ],
    ["keys only", txn([], [put("a"), { ...all, keysOnly: true }])],
    ["nested", txn([], [put("a"), txn([], [txn([], [all])])])],
    [
      "in the branch not taken first",
      txn([compare("no", "version", "greater", 0)], [], [put("a"), all]),
    ],
    ["compares of values", txn([compareValue("\0", "notEqual", "x", "\0")], [put("a")])],
    [
      "compares of versions",
      txn(Array(50).fill(compare("\0", "version", "greater", 0, "\0")), [put("a")]),
    ],
    [
      "compares of nested txns",
      txn([], [put("a"), txn([compareValue("\0", "notEqual", "x", "\0")], [])]),
    ],
    ["what was there before a deletion", txn([], [del("\0", "\0", true)])],
    ["a deletion by itself", del("\0", "\0", true)],
    ["its own put, read again and again", txn([], [big, ...Array(10).fill(range("new"))])],
    ["its own put, in ranges", txn([], [big, ...Array(10).fill(range("new", "nex"))])],
  ];
  for (const [what, command] of ways) {
    const store = filled();
    const before = store.stateHash().hash;
    const { revision } = store;
    const work = store.workOf({ ...command, workMax: Number.MAX_SAFE_INTEGER });
    assert.ok(work > 15_000, `${what}: ${work}`);
    assert.equal(bounded(command).workMax, commandWorkMax, what);
    const refused = applyOne(store, { ...command, workMax: work - 1 });
    assert.equal(refused.kind === "error" && refused.code, "tooCostly", what);
    assert.deepEqual([store.stateHash().hash, store.revision], [before, revision], what);
    assert.notEqual(applyOne(store, { ...command, workMax: work }).kind, "error", what);
    assert.notEqual(applyOne(filled(), command).kind, "error", `${what}, as an old entry`);
  }
});

test("the usual compare, put, else get has no bound and no byte more in the log", () => {
  const usual = txn([compare("k1", "mod", "equal", 5)], [put("k1", "v")], [range("k1")]);
  assert.equal(bounded(usual), usual);
  assert.equal(bounded(del("k1", "", true)).workMax, undefined);
  assert.equal(bounded(del("k", "l")).workMax, undefined);
  const past = txn([], [put("a"), range("k1", "", { revision: 3 })]);
  assert.equal(bounded(past).workMax, commandWorkMax);
  const eight = txn([], [put("a"), ...Array(8).fill(range("k1"))]);
  assert.equal(bounded(eight), eight);
  assert.equal(bounded(txn([], [put("a"), ...Array(9).fill(range("k1"))])).workMax, commandWorkMax);
});

test("to refuse costs no more than the bound, however much was asked for", () => {
  const store = openStore({ engine: createMemoryEngine({ volatile: true }) });
  for (let i = 0; i < 20_000; i++) applyOne(store, put(`k${i}`, "value"));
  const wide = { ...range("\0", "\0"), minModRevision: 1 };
  const command = { ...txn([], [put("a"), ...Array(1000).fill(wide)]), workMax: 100_000 };
  const startMs = performance.now();
  for (let i = 0; i < 10; i++) {
    const result = applyOne(store, command);
    assert.equal(result.kind === "error" && result.code, "tooCostly");
  }
  // A thousand ranges of twenty thousand keys would take many seconds.
  assert.ok(performance.now() - startMs < 2000);
});
