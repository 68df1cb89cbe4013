// A snapshot, a HashKV or a range that is being read while an installed snapshot takes the place of the state:
// it fails and says so. It never goes on over the new state with what it knew of the old one.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ErrorResult, ReadRun } from "../contract.ts";
import { openDiskEngine } from "../disk/index.ts";
import { StateReplaced } from "../engine/pins.ts";
import type { Engine } from "../engine/port.ts";
import { closed } from "../engine/testing/engine-suite.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import type { HashKvRun } from "../mvcc/hash-kv.ts";
import { type OpenedStore, openStore } from "../store.ts";
import { put, range } from "../testing/commands.ts";
import { applyAll, applyOne, compactFully, snapshotOf } from "../testing/driver.ts";

const keys = 3000;
const puts = (value: string) =>
  Array.from({ length: keys }, (_, i) => put(`k${String(i).padStart(5, "0")}`, value));

function install(store: OpenedStore, chunks: readonly Uint8Array[]): Promise<void> {
  const writer = store.beginRestore();
  for (const chunk of chunks) writer.write(chunk);
  writer.finish();
  return new Promise((resolve, reject) => {
    writer.install((error) => (error === undefined ? resolve() : reject(error)));
  });
}

function began<Run extends object>(run: Run | ErrorResult): Run {
  assert.ok(!("kind" in run));
  return run as Run;
}

/** Two stores at one point, and then the leader goes on and compacts. */
function diverged(engine: Engine): { follower: OpenedStore; go: () => Uint8Array[] } {
  const follower = openStore({ engine });
  const leader = openStore({ engine: createMemoryEngine() });
  const old = puts("x".repeat(1000));
  applyAll(follower, old);
  applyAll(leader, old);
  return {
    follower,
    go: () => {
      applyAll(leader, puts("new"));
      applyOne(leader, { kind: "compact", revision: leader.revision });
      compactFully(leader);
      return snapshotOf(leader);
    },
  };
}

for (const kind of ["memory", "disk"] as const) {
  test(`whoever reads in steps is told that the state was replaced (${kind})`, async () => {
    const directory = mkdtempSync(join(tmpdir(), "althing-replaced-"));
    const engine = kind === "memory" ? createMemoryEngine() : openDiskEngine({ directory });
    const { follower, go } = diverged(engine);
    const everything = range("\0", "\0");
    const snapshot = follower.openSnapshot();
    const hash = began<HashKvRun>(follower.openHashKv(0));
    const large = began<ReadRun>(follower.openRange(everything));
    const selecting = began<ReadRun>(follower.openRange(everything));
    for (let i = 0; i < 3; i++) assert.ok(snapshot.next());
    assert.equal(hash.next(), undefined);
    large.allow(1_000_000);
    const pairs = large.next();
    assert.ok(pairs.kind === "pairs" && pairs.kvs.length < keys);
    selecting.allow(1000);
    assert.equal(selecting.next().kind, "paused");
    assert.equal(selecting.ranges, undefined);
    await install(follower, go());
    assert.throws(() => {
      while (snapshot.next() !== undefined);
    }, StateReplaced);
    assert.throws(() => {
      while (hash.next() === undefined);
    }, StateReplaced);
    for (const run of [large, selecting]) assert.throws(() => run.next(), StateReplaced);
    // The old readers hold nothing back in the new state, and let go without harm.
    applyAll(follower, puts("newer"));
    applyOne(follower, { kind: "compact", revision: follower.revision });
    assert.equal(follower.compactionPending, true);
    compactFully(follower);
    const later = follower.openSnapshot();
    applyAll(follower, puts("newest"));
    applyOne(follower, { kind: "compact", revision: follower.revision });
    for (const reader of [snapshot, hash, large, selecting]) reader.close();
    assert.equal(follower.compactionPending, false, "the new reader's pin stands");
    later.close();
    assert.equal(follower.compactionPending, true);
    // And the state reads as it should.
    const counted = follower.range({ ...everything, countOnly: true });
    assert.equal(counted.kind === "range" && counted.count, keys);
    await closed(follower);
    rmSync(directory, { recursive: true, force: true });
  });
}

test("nobody meets a new state with the old index, whatever runs between", async () => {
  const directory = mkdtempSync(join(tmpdir(), "althing-replaced-"));
  const { follower, go } = diverged(openDiskEngine({ directory }));
  let isOver = false;
  const watching = (async () => {
    // A reader in every microtask, which is where the parts of the installation meet.
    while (!isOver) {
      for (let i = 0; i < 50; i++) {
        await undefined;
        const found = follower.range(range("k00000", "k00003"));
        assert.equal(found.kind === "range" && found.kvs.length, 3);
        const values = new Set(
          found.kind === "range" ? found.kvs.map((kv) => kv.value.length) : [],
        );
        assert.equal(values.size, 1);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await install(follower, go());
  isOver = true;
  await watching;
  await closed(follower);
  rmSync(directory, { recursive: true, force: true });
});
