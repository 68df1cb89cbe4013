// Compaction and reads in steps, at the same time: each gets on, and neither sees the other.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BlockEngine } from "../blocks/block-engine.ts";
import { LossyFolder } from "../blocks/testing/lossy-folder.ts";
import type { ErrorResult, KeyValue, ReadRun } from "../contract.ts";
import type { Engine } from "../engine/port.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { SnapshotAssembler } from "../snapshot/assembler.ts";
import { type OpenedStore, openStore } from "../store.ts";
import { compare, del, put, range, textOf, txn } from "../testing/commands.ts";
import { applyAll, applyOne, compactFully, snapshotOf } from "../testing/driver.ts";
import { createRandom, randomCommand, randomRange } from "../testing/random-commands.ts";
import type { HashKvRun } from "./hash-kv.ts";

const everything = range("\0", "\0");

function began<Run extends object>(run: Run | ErrorResult): Run {
  assert.ok(!("kind" in run));
  return run as Run;
}

/** Where chunks end may differ. */
function contentsOf(chunks: readonly Uint8Array[]): string[] {
  const contents: string[] = [];
  const assembler = new SnapshotAssembler((item) => {
    const at = item.kind === "record" ? `${item.main}.${item.sub}` : `${item.table} ${item.key}`;
    contents.push(`${at} ${textOf(item.kind === "record" ? item.record : item.value)}`);
  });
  for (const chunk of chunks) assembler.write(chunk);
  const { point, ...head } = assembler.finish();
  return [`${point.index} ${JSON.stringify(head)}`, ...contents];
}

function compact(store: OpenedStore): void {
  applyOne(store, { kind: "compact", revision: store.revision });
}

test("reads that overlap without end do not end compaction", () => {
  const store = openStore({ engine: createMemoryEngine({ volatile: true }) });
  let reading = began<ReadRun>(store.openRange(everything));
  let mostBytes = 0;
  for (let round = 0; round < 200; round++) {
    applyAll(
      store,
      Array.from({ length: 20 }, () => put("key", "v".repeat(1000))),
    );
    compact(store);
    const next = began<ReadRun>(store.openRange(everything));
    reading.close();
    reading = next;
    compactFully(store);
    mostBytes = Math.max(mostBytes, store.bytesInUse);
  }
  assert.ok(mostBytes < 100_000, `${mostBytes} bytes in use, of 4 MB written`);
  reading.close();
  compactFully(store);
  assert.equal(store.compactionLeft, false);
});

interface Place {
  readonly engine: Engine;
  /** Something reaches the disk. */
  settle(): void;
}

const places: Readonly<Record<string, () => Place>> = {
  memory: () => ({ engine: createMemoryEngine({ volatile: true }), settle: () => {} }),
  blocks: () => {
    const folder = new LossyFolder(createRandom(1));
    const ports = { folder, timers: folder.timers };
    const settings = { commitDelayMs: 10, cacheBytes: 4096 };
    return { engine: new BlockEngine(ports, settings), settle: () => folder.step() };
  },
};

/** Keys with a past, some deleted, some there again; all of the past is obsolete and still there. */
function filled(place: Place): OpenedStore {
  const store = openStore({ engine: place.engine });
  const key = (i: number) => `key${String(i).padStart(5, "0")}`;
  const indexes = Array.from({ length: 2500 }, (_, i) => i);
  const value = "v".repeat(300);
  applyAll(
    store,
    indexes.map((i) => put(key(i), `${i}${value}`)),
  );
  for (const i of indexes) {
    if (i % 3 === 0) applyOne(store, del(key(i)));
    else if (i % 3 === 1) applyOne(store, put(key(i), `later ${i}${value}`));
    if (i % 12 === 0) applyOne(store, put(key(i), `again ${i}${value}`));
    if (i % 50 === 0) place.settle();
  }
  compact(store);
  return store;
}

for (const [kind, createPlace] of Object.entries(places)) {
  test(`what is obsolete goes while a state is read, and the reader cannot tell (${kind})`, () => {
    const place = createPlace();
    const store = filled(place);
    const { revision } = store;
    const whole = { snapshot: snapshotOf(store), hash: store.hashKv(0) };
    const range = store.range(everything);
    assert.ok(range.kind === "range");

    const snapshot = store.openSnapshot();
    const hashing = began<HashKvRun>(store.openHashKv(0));
    const reading = began<ReadRun>(store.openRange(everything));
    const chunks: Uint8Array[] = [];
    const found: string[] = [];
    let hash: ReturnType<HashKvRun["next"]>;
    const before = store.bytesInUse;
    for (let round = 0, isRead = false; !isRead; round++) {
      assert.equal(store.compactionPending, round < 6, `round ${round}`);
      store.compactStep();
      // And the floor goes on.
      applyOne(store, del(`key${String(round * 7 + 1).padStart(5, "0")}`));
      applyOne(store, put(`key${String(2400 - round).padStart(5, "0")}`, "newer"));
      compact(store);
      place.settle();
      const chunk = snapshot.next();
      if (chunk !== undefined) chunks.push(chunk);
      hash ??= hashing.next();
      reading.allow(200_000);
      const piece = reading.next();
      if (piece.kind === "pairs")
        for (const { key, value } of piece.kvs) found.push(`${key}${value}`);
      isRead = piece.kind === "end" && chunk === undefined && hash !== undefined && round > 10;
    }
    assert.deepEqual(contentsOf(chunks), contentsOf(whole.snapshot));
    assert.deepEqual(hash, whole.hash);
    assert.equal(reading.revision, revision);
    assert.deepEqual(
      found,
      range.kvs.map(({ key, value }) => `${key}${value}`),
    );
    for (let i = 0; i < 100; i++) place.settle();
    assert.ok(store.bytesInUse < before * 0.8, `${store.bytesInUse} of ${before} bytes`);
    reading.close();
    assert.equal(store.compactionPending, true, "what came after it goes when it is read");
    compactFully(store);
    assert.equal(store.compactionLeft, false);
  });
}

/** Begins something in steps; what it returns makes one of them, and says whether it was the last. */
type Begin = (store: OpenedStore, random: (below: number) => number) => (() => boolean) | undefined;

const beginTxn: Begin = (store, random) => {
  const ranges = Array.from({ length: 1 + random(4) }, () => randomRange(random, store.revision));
  const compares = [
    compare("a", "mod", "greater", random(store.revision + 1), "\0"),
    compare("b", "version", "less", 3),
  ];
  const command = txn(random(2) === 0 ? [] : compares, ranges, [everything]);
  const whole = store.readTxn(command);
  if (whole.kind === "error") return undefined;
  const expected = whole.responses.map((response) => {
    assert.ok(response.kind === "range");
    const { count, more, kvs } = response;
    return { count, more, kvs: kvs.map((kv) => ({ ...kv, value: kv.value.slice() })) };
  });
  const run = began<ReadRun>(store.openTxn(command));
  const found = new Map<number, KeyValue[]>();
  return () => {
    run.allow([1, 20, 100, 500][random(4)]!);
    for (;;) {
      const piece = run.next();
      if (piece.kind === "paused") return false;
      if (piece.kind === "pairs") {
        const kvs = piece.kvs.map((kv) => ({ ...kv, value: kv.value.slice() }));
        found.set(piece.range, [...(found.get(piece.range) ?? []), ...kvs]);
        continue;
      }
      assert.equal(piece.kind, "end");
      run.close();
      assert.equal(run.succeeded, whole.succeeded);
      const read = run.ranges!.map(({ count, more }, i) => ({
        count,
        more,
        kvs: found.get(i) ?? [],
      }));
      assert.deepEqual(read, expected);
      return true;
    }
  };
};

const beginSnapshot: Begin = (store, random) => {
  const whole = { hash: store.hashKv(0), chunks: snapshotOf(store) };
  const hashing = began<HashKvRun>(store.openHashKv(0));
  const snapshot = store.openSnapshot();
  const chunks: Uint8Array[] = [];
  return () => {
    if (random(8) > 0) return false;
    const chunk = snapshot.next();
    if (chunk !== undefined) {
      chunks.push(chunk);
      return false;
    }
    assert.deepEqual(chunks, whole.chunks);
    assert.deepEqual(hashing.next(), whole.hash);
    return true;
  };
};

for (let seed = 1; seed <= 30; seed++) {
  test(`whatever is written, compacted and removed between the steps of reads, they tell of one state (seed ${seed})`, () => {
    const random = createRandom(seed);
    const place = Object.values(places)[seed % 2]!();
    const store = openStore({ engine: place.engine });
    const underWay: (() => boolean)[] = [];
    for (let step = 0; step < 600; step++) {
      const choice = random(20);
      if (choice < 8) applyOne(store, randomCommand(random, store.revision));
      else if (choice < 9) compact(store);
      else if (choice < 10) store.compactStep();
      else if (choice < 11) place.settle();
      else if (choice < 12 && underWay.length < 6) {
        const next = (random(4) === 0 ? beginSnapshot : beginTxn)(store, random);
        if (next !== undefined) underWay.push(next);
      } else if (underWay.length > 0) {
        const which = random(underWay.length);
        if (underWay[which]!()) underWay.splice(which, 1);
      }
    }
    for (const next of underWay) while (!next());
    while (store.compactionLeft) {
      store.compactStep();
      place.settle();
    }
  });
}
