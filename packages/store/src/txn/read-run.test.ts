// A read in steps says what the read in one piece says, whatever happens between the steps and however
// small they are; and it ends when it has cost what it may.

import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import type { ErrorResult, KeyValue, RangeRequest, ReadRun, TxnCommand } from "../contract.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { plainRange } from "../mvcc/plain-range.ts";
import { type OpenedStore, openStore } from "../store.ts";
import { compare, compareValue, del, put, range, txn } from "../testing/commands.ts";
import { applyOne } from "../testing/driver.ts";

const everything = plainRange("\0", "\0");

function filled(keys = 100): OpenedStore {
  const store = openStore({ engine: createMemoryEngine({ volatile: true }) });
  for (let i = 0; i < keys; i++) {
    applyOne(store, put(`key${i}`, `value${(i * 37) % 101}`));
    if (i % 3 === 0) applyOne(store, put(`key${i >> 1}`, `later${i % 7}`));
    if (i % 10 === 9) applyOne(store, del(`key${i - 5}`));
  }
  return store;
}

function opened(run: ReadRun | ErrorResult): ReadRun {
  if ("kind" in run) throw new Error(run.code);
  return run;
}

/** All pairs by range, read in steps of `work`; or how it ended. */
function readAll(run: ReadRun, work: number, between = () => {}): KeyValue[][] | string {
  const kvs: KeyValue[][] = [];
  for (;;) {
    run.allow(work);
    for (;;) {
      const piece = run.next();
      if (piece.kind === "paused") break;
      if (piece.kind === "pairs") {
        kvs[piece.range] ??= [];
        for (const kv of piece.kvs) kvs[piece.range]!.push({ ...kv, value: kv.value.slice() });
        continue;
      }
      run.close();
      if (piece.kind === "end") return run.ranges!.map((_range, i) => kvs[i] ?? []);
      return piece.code;
    }
    between();
  }
}

function copied(kvs: readonly KeyValue[]): KeyValue[] {
  return kvs.map((kv) => ({ ...kv, value: kv.value.slice() }));
}

const requests: readonly RangeRequest[] = [
  everything,
  { ...everything, limit: 37 },
  { ...everything, sortOrder: "descend", sortTarget: "key", limit: 7 },
  { ...everything, sortOrder: "descend", sortTarget: "mod", limit: 50 },
  { ...everything, sortOrder: "ascend", sortTarget: "version" },
  { ...everything, sortOrder: "descend", sortTarget: "value", limit: 20 },
  { ...everything, sortTarget: "create", limit: 11 },
  { ...everything, sortTarget: "create", limit: 11, minModRevision: 30 },
  { ...everything, keysOnly: true, revision: 40 },
  { ...everything, revision: 60, limit: 5 },
  { ...everything, countOnly: true },
  { ...everything, countOnly: true, revision: 33 },
  { ...plainRange("key2", "key5"), maxCreateRevision: 80 },
  { ...plainRange("key7"), revision: 15 },
  plainRange("nothing", "nothinh"),
];

test("the steps add up to the range, with its count and more, however short they are", () => {
  const store = filled();
  for (const request of requests) {
    const whole = store.range(request);
    if (whole.kind === "error") throw new Error(whole.code);
    for (const work of [1, 40, 700, 1e9]) {
      const run = opened(store.openRange(request));
      deepEqual(readAll(run, work), [copied(whole.kvs)]);
      const { count, more } = run.ranges![0]!;
      deepEqual([run.revision, count, more], [whole.revision, whole.count, whole.more]);
    }
  }
});

test("a sort of many thousands in steps is the sort in one piece", () => {
  const store = filled(5000);
  for (const sortTarget of ["mod", "value", "version"] as const) {
    const request: RangeRequest = { ...everything, sortOrder: "descend", sortTarget };
    const whole = store.range(request);
    if (whole.kind === "error") throw new Error(whole.code);
    deepEqual(readAll(opened(store.openRange(request)), 10_000), [copied(whole.kvs)]);
    const order = whole.kvs.map((kv) =>
      sortTarget === "value"
        ? Buffer.from(kv.value).toString("latin1")
        : sortTarget === "mod"
          ? kv.modRevision
          : kv.version,
    );
    ok(order.every((value, i) => i === 0 || value <= order[i - 1]!));
  }
});

test("a txn of ranges in steps is the txn in one piece, whichever way its compares go", () => {
  const store = filled();
  const ranges = requests.map((request) => ({ kind: "range" as const, ...request }));
  const txns: TxnCommand[] = [
    txn([], ranges),
    txn([compare("\0", "version", "greater", 0, "\0")], ranges, [range("key1")]),
    txn([compare("\0", "version", "equal", 1, "\0")], ranges, [
      range("key1"),
      range("key3", "key4"),
    ]),
    txn([compareValue("key2", "notEqual", "x", "key3")], [range("a"), ...ranges]),
    txn([compare("missing", "version", "equal", 0, "missinh")], ranges),
    txn([compareValue("missing", "equal", "", "missinh")], ranges),
    txn([], [range("key1", "", { revision: 9999 })]),
    txn([], [range("key1", "", { revision: -5 })]),
    txn([], [range("", "")]),
  ];
  for (const command of txns) {
    const whole = store.readTxn(command);
    for (const work of [1, 500, 1e9]) {
      const run = store.openTxn(command);
      if ("kind" in run) {
        deepEqual(run, whole);
        continue;
      }
      const kvs = readAll(run, work);
      if (whole.kind === "error") equal(kvs, whole.code);
      else {
        equal(run.succeeded, whole.succeeded);
        deepEqual(
          run.ranges!.map(({ count, more }, i) => ({ count, more, kvs: kvs[i] })),
          whole.responses.map((one) => {
            if (one.kind !== "range") throw new Error(one.kind);
            return { count: one.count, more: one.more, kvs: copied(one.kvs) };
          }),
        );
      }
    }
  }
});

test("writes, deletes and compactions between the steps change nothing of what was asked for", () => {
  for (const request of requests) {
    const store = filled();
    const whole = store.range(request);
    if (whole.kind === "error") throw new Error(whole.code);
    const expected = [copied(whole.kvs)];
    let round = 0;
    const run = opened(store.openRange(request));
    const kvs = readAll(run, 100, () => {
      applyOne(store, put(`key${round}`, "later"));
      applyOne(store, put(`key${round}x`, "new"));
      applyOne(store, del(`key${round + 1}`));
      applyOne(store, { kind: "compact", revision: store.revision });
      equal(store.compactStep(), false, "nothing is removed while a range is read");
      round += 2;
    });
    deepEqual(kvs, expected);
    equal(run.ranges![0]!.count, whole.count);
    if (round > 0) equal(store.compactionPending, true, "and it goes on afterwards");
  }
});

test("what was deleted and compacted before a read had its turn is in it all the same", () => {
  const deleteMost = (store: OpenedStore) => {
    for (let i = 0; i < 80; i++) applyOne(store, del(`key${i}`));
    applyOne(store, put("later", "than all"));
    applyOne(store, { kind: "compact", revision: store.revision });
    while (store.compactStep());
  };
  for (const request of requests) {
    const store = filled();
    const whole = store.range(request);
    if (whole.kind === "error") throw new Error(whole.code);
    const expected = copied(whole.kvs);
    const run = opened(store.openRange(request));
    deleteMost(store);
    deepEqual(readAll(run, 100), [expected]);
    deepEqual([run.ranges![0]!.count, run.ranges![0]!.more], [whole.count, whole.more]);
  }
  const store = filled();
  const compares = [compare("key1", "version", "greater", 0, "key2")];
  const run = opened(store.openTxn(txn(compares, [range("key3"), range("key1", "key2")])));
  const whole = store.range(plainRange("key1", "key2"));
  if (whole.kind === "error") throw new Error(whole.code);
  const expected = copied(whole.kvs);
  deleteMost(store);
  deepEqual((readAll(run, 100) as KeyValue[][])[1], expected);
});

test("a key with a long past is looked through in steps, alone and among others", () => {
  const store = openStore({ engine: createMemoryEngine({ volatile: true }) });
  for (const key of ["a", "b", "c"]) applyOne(store, put(key, "first"));
  for (let i = 0; i < 10_000; i++) applyOne(store, put("b", `${i}`));
  for (const request of [
    plainRange("b"),
    plainRange("a", "\0"),
    { ...plainRange("a", "\0"), limit: 2 },
    { ...plainRange("a", "\0"), sortOrder: "descend", sortTarget: "key" },
    { ...plainRange("a", "\0"), countOnly: true },
  ] satisfies RangeRequest[]) {
    const past = { ...request, revision: 3 };
    const whole = store.range(past);
    if (whole.kind === "error") throw new Error(whole.code);
    let steps = 0;
    const run = opened(store.openRange(past));
    deepEqual(
      readAll(run, 1000, () => steps++),
      [copied(whole.kvs)],
    );
    deepEqual([run.ranges![0]!.count, run.ranges![0]!.more], [whole.count, whole.more]);
    ok(steps > 100, `${steps} steps`);
    equal(readAll(opened(store.openRange(past, 50_000)), 1000), "tooCostly");
  }
});

test("refusals are those of the range", () => {
  const store = filled();
  const refused = store.openRange({ ...everything, revision: 1000 });
  equal("kind" in refused && refused.code, "futureRevision");
});

test("what would cost more than it may is refused, at once where the index tells", () => {
  const store = filled(5000);
  const refusedAfter = (run: ReadRun | ErrorResult): number => {
    let steps = 0;
    equal(
      readAll(opened(run), 1000, () => steps++),
      "tooCostly",
    );
    return steps;
  };
  equal(refusedAfter(store.openRange(everything, 100_000)), 0);
  const sorted: RangeRequest = { ...everything, limit: 1, sortOrder: "ascend", sortTarget: "mod" };
  ok(refusedAfter(store.openRange(sorted, 100_000)) > 10);
  ok(refusedAfter(store.openRange({ ...sorted, sortTarget: "value" }, 100_000)) > 10);
  const old: RangeRequest = { ...everything, countOnly: true, revision: 2000 };
  ok(refusedAfter(store.openRange(old, 10_000)) > 1);
  const compares = txn([compareValue("\0", "notEqual", "x", "\0")], []);
  ok(refusedAfter(store.openTxn(compares, 100_000)) > 10);
  const ranges = Array.from({ length: 128 }, () => range("\0", "\0"));
  equal(refusedAfter(store.openTxn(txn([], ranges), 10_000_000)), 0);
  const run = opened(store.openRange({ ...everything, limit: 100 }, 100_000));
  const kvs = readAll(run, 1e9);
  equal(kvs[0]!.length, 100);
});

test("what is held and will be answered is known before the first value is read", () => {
  const store = openStore({ engine: createMemoryEngine({ volatile: true }) });
  for (let i = 0; i < 50; i++) applyOne(store, put(`key${i}`, "v".repeat(10_000)));
  const run = opened(store.openRange(everything));
  run.allow(1);
  while (run.ranges === undefined) {
    const { kind } = run.next();
    if (run.ranges === undefined) equal(kind, "paused");
    run.allow(1);
  }
  ok(run.heldBytes > 500_000 && run.heldBytes < 520_000, String(run.heldBytes));
  run.close();
});
