// Compaction removes whenever there is time, also long after the last command. Whatever it removes reaches
// the disk by itself, its space comes back, and it never crowds out what commands write.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { closed } from "../engine/testing/engine-suite.ts";
import { type OpenedStore, openStore } from "../store.ts";
import { put, range } from "../testing/commands.ts";
import { applyOne } from "../testing/driver.ts";
import { openDiskEngine } from "./disk-engine.ts";

const versions = 30_000;

function folder(held: AsyncDisposableStack): string {
  const directory = mkdtempSync(join(tmpdir(), "althing-removals-"));
  held.defer(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function flushed(store: OpenedStore, thorough = false): Promise<void> {
  return new Promise((resolve, reject) => {
    store.flush((error) => (error === undefined ? resolve() : reject(error)), thorough);
  });
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !holds(); waited++) {
    assert.ok(waited < 5000, what);
    await turn();
  }
}

/** A store of ten keys and many versions, of which the disk has all; the history is compacted by command. */
async function compacted(directory: string): Promise<OpenedStore> {
  const store = openStore({ engine: openDiskEngine({ directory, commitDelayMs: 1 }) });
  for (let i = 0; i < versions; i++) applyOne(store, put(`k${i % 10}`, `v${i}`));
  applyOne(store, { kind: "compact", revision: store.revision });
  await flushed(store);
  return store;
}

async function removeAll(store: OpenedStore): Promise<void> {
  while (store.compactionLeft) {
    if (store.compactionPending) store.compactStep();
    await turn();
  }
}

function newest(store: OpenedStore): string[] {
  const found = store.range(range("\0", "\0"));
  assert.equal(found.kind, "range");
  return found.kind === "range"
    ? found.kvs.map((kv) => `${kv.key}=${Buffer.from(kv.value).toString()}`)
    : [];
}

const expected = Array.from({ length: 10 }, (_, i) => `k${i}=v${versions - 10 + i}`);

test("removals are written, and their space is free, although nothing more is applied", async () => {
  await using held = new AsyncDisposableStack();
  const directory = folder(held);
  const store = await compacted(directory);
  const full = store.bytesInUse;
  await removeAll(store);
  await until(() => store.unwrittenBytes === 0, `${store.unwrittenBytes} bytes stay unwritten`);
  await until(() => store.bytesInUse < full / 4, `${store.bytesInUse} of ${full} bytes in use`);
  await closed(store);
  const again = openStore({ engine: openDiskEngine({ directory }) });
  assert.equal(again.compactionLeft, false);
  assert.deepEqual(newest(again), expected);
  await closed(again);
});

test("a thorough flush waits for every removal made before it", async () => {
  await using held = new AsyncDisposableStack();
  const store = await compacted(folder(held));
  const full = store.bytesInUse;
  // In one go, as nobody does: many batches of removals wait for each other.
  while (store.compactionPending) store.compactStep();
  await flushed(store, true);
  assert.equal(store.unwrittenBytes, 0);
  assert.ok(store.bytesInUse < full / 4, `${store.bytesInUse} of ${full} bytes in use`);
  await closed(store);
});

test("a directory whose removals never reached the disk gets rid of them after a restart", async () => {
  await using held = new AsyncDisposableStack();
  const directory = folder(held);
  await closed(await compacted(directory));
  const store = openStore({ engine: openDiskEngine({ directory, commitDelayMs: 1 }) });
  assert.equal(store.compactionLeft, true);
  await removeAll(store);
  await until(() => store.unwrittenBytes === 0, `${store.unwrittenBytes} bytes stay unwritten`);
  assert.deepEqual(newest(store), expected);
  await closed(store);
});

test("removals wait when the disk does not keep up: they never fill what commands need", async () => {
  await using held = new AsyncDisposableStack();
  const directory = folder(held);
  // One turn of the loop: the disk hears of nothing before it ends.
  const store = openStore({ engine: openDiskEngine({ directory, commitDelayMs: 3_600_000 }) });
  for (let i = 0; i < 400_000; i++) applyOne(store, put("k", "v"));
  await flushed(store);
  applyOne(store, { kind: "compact", revision: store.revision });
  let steps = 0;
  while (store.compactionPending) {
    store.compactStep();
    assert.ok(steps++ < 1000);
  }
  assert.equal(store.compactionLeft, true);
  assert.ok(store.unwrittenBytes < 9 * 1024 * 1024, `${store.unwrittenBytes} bytes`);
  await flushed(store);
  assert.equal(store.compactionPending, true);
  await closed(store);
});

test("compaction gets on although much else waits for the disk", async () => {
  await using held = new AsyncDisposableStack();
  const directory = folder(held);
  const store = openStore({ engine: openDiskEngine({ directory, commitDelayMs: 3_600_000 }) });
  for (let i = 0; i < 100; i++) applyOne(store, put("k", "v"));
  applyOne(store, { kind: "compact", revision: store.revision });
  for (let i = 0; i < 40; i++) applyOne(store, put("big", "", { value: new Uint8Array(500_000) }));
  assert.ok(store.unwrittenBytes > 16 * 1024 * 1024);
  assert.equal(store.compactionPending, true);
  await closed(store);
});
