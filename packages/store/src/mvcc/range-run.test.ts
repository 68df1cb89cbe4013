// A range in steps says what the range in one piece says, whatever happens between the steps.

import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { encodeCommand } from "../command/encode.ts";
import type { Command, KeyValue, RangeRequest, RangeRun } from "../contract.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { type OpenedStore, openStore } from "../store.ts";
import { plainRange } from "./plain-range.ts";

const everything = plainRange("\0", "\0");

function filled(): OpenedStore {
  const store = openStore({ engine: createMemoryEngine({ volatile: true }) });
  for (let i = 0; i < 100; i++) put(store, `key${i}`, `value${i}`);
  return store;
}

function apply(store: OpenedStore, command: Command): void {
  const index = store.appliedIndex + 1;
  store.apply(encodeCommand(command), { index, epoch: 1, proposer: "", leaderTimeMs: 0 });
}

function put(store: OpenedStore, key: string, value: string): void {
  apply(store, {
    kind: "put",
    key,
    value: new TextEncoder().encode(value),
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  });
}

function open(store: OpenedStore, request: RangeRequest): RangeRun {
  const run = store.openRange(request);
  if ("kind" in run) throw new Error(run.code);
  return run;
}

function readAll(run: RangeRun, between: () => void): KeyValue[] {
  const kvs: KeyValue[] = [];
  for (;;) {
    const piece = run.next(300);
    if (piece.length === 0) break;
    for (const kv of piece) kvs.push({ ...kv, value: kv.value.slice() });
    between();
  }
  run.close();
  return kvs;
}

test("the steps add up to the range, with its count and more", () => {
  const store = filled();
  for (const request of [
    everything,
    { ...everything, limit: 37 },
    { ...everything, sortOrder: "descend", sortTarget: "mod", limit: 50 },
    { ...everything, keysOnly: true, revision: 40 },
    { ...everything, countOnly: true },
  ] satisfies RangeRequest[]) {
    const whole = store.range(request);
    if (whole.kind === "error") throw new Error(whole.code);
    const run = open(store, request);
    deepEqual([run.revision, run.count, run.more], [whole.revision, whole.count, whole.more]);
    deepEqual(
      readAll(run, () => {}),
      whole.kvs.map((kv) => ({ ...kv, value: kv.value.slice() })),
    );
  }
});

test("writes, deletes and compactions between the steps change nothing of what was asked for", () => {
  const store = filled();
  const whole = store.range(everything);
  if (whole.kind === "error") throw new Error(whole.code);
  const expected = whole.kvs.map((kv) => ({ ...kv, value: kv.value.slice() }));
  let round = 0;
  const kvs = readAll(open(store, everything), () => {
    put(store, `key${round}`, "later");
    apply(store, { kind: "deleteRange", key: `key${round + 1}`, rangeEnd: "", prevKv: false });
    apply(store, { kind: "compact", revision: store.revision });
    equal(store.compactStep(), false, "nothing is removed while a range is read");
    round += 2;
  });
  deepEqual(kvs, expected);
  equal(store.compactionPending, true, "and it goes on afterwards");
});

test("refusals are those of the range", () => {
  const store = filled();
  const refused = store.openRange({ ...everything, revision: 1000 });
  equal("kind" in refused && refused.code, "futureRevision");
});
