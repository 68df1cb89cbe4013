// The space of what was removed is given back: at once to who waits for it, and soon by itself.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Engine } from "../engine/port.ts";
import { openDiskEngine } from "./disk-engine.ts";

const values = 40;
const valueBytes = 50_000;

/** An engine that has held two megabytes and holds nothing any more, told so durably. */
async function emptied(held: AsyncDisposableStack, commitDelayMs: number): Promise<Engine> {
  const directory = mkdtempSync(join(tmpdir(), "althing-space-"));
  held.defer(() => rmSync(directory, { recursive: true, force: true }));
  const engine = openDiskEngine({ directory, commitDelayMs });
  held.defer(() => new Promise<void>((resolve) => engine.close(resolve)));
  const head = (index: number) => ({ ...engine.head, point: { ...engine.head.point, index } });
  const handles = [];
  for (let main = 2; main < 2 + values; main++) {
    handles.push(engine.append(main, 0, new Uint8Array(valueBytes)));
  }
  engine.commit({ ...head(1), revision: 1 + values });
  await flushed(engine, false);
  assert.ok(engine.bytesInUse > values * valueBytes, `${engine.bytesInUse} bytes`);
  handles.forEach((handle, i) => {
    engine.remove(2 + i, 0, handle);
  });
  engine.commit(head(2));
  return engine;
}

function flushed(engine: Engine, thorough: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    engine.flush((error) => (error === undefined ? resolve() : reject(error)), thorough);
  });
}

test("a thorough flush is answered when the space is free, also a second one", async () => {
  await using held = new AsyncDisposableStack();
  const engine = await emptied(held, 3_600_000);
  const total = engine.bytes;
  await flushed(engine, true);
  assert.ok(engine.bytesInUse < valueBytes, `${engine.bytesInUse} bytes`);
  await flushed(engine, true);
  assert.deepEqual(engine.durable(), engine.head.point);
  assert.ok(engine.bytes >= total, "the file keeps its size");
});

test("without anybody who waits, and without another write, the space is free soon", async () => {
  await using held = new AsyncDisposableStack();
  const engine = await emptied(held, 1);
  for (let waited = 0; engine.bytesInUse >= valueBytes; waited++) {
    assert.ok(waited < 2000, `${engine.bytesInUse} bytes`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});

test("whoever reads all while space is given back meets no hole", async () => {
  await using held = new AsyncDisposableStack();
  for (let round = 0; round < 10; round++) {
    const engine = await emptied(held, 3_600_000);
    let isFree = false;
    const free = flushed(engine, true).then(() => {
      isFree = true;
    });
    let reads = 0;
    while (!isFree) {
      const found: number[] = [];
      engine.scan(0, 0, (main) => found.push(main) > 0);
      assert.deepEqual(
        found.filter((main) => main < 2 || main >= 2 + values),
        [],
      );
      reads++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await free;
    assert.ok(reads > 0);
  }
});

test("what the quota is weighed against counts tables and what is known of removals, not records alone", async () => {
  await using held = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "althing-space-"));
  held.defer(() => rmSync(directory, { recursive: true, force: true }));
  const engine = openDiskEngine({ directory, commitDelayMs: 3_600_000 });
  held.defer(() => new Promise<void>((resolve) => engine.close(resolve)));
  const before = engine.bytesInUse;
  for (let i = 0; i < 1000; i++) engine.put("leases", `lease ${i}`, new Uint8Array(1000));
  engine.commit(engine.head);
  await flushed(engine, false);
  const withTables = engine.bytesInUse;
  assert.ok(withTables - before >= 1_000_000, `${withTables - before} bytes`);
  // Every third record goes: no block is worth rewriting, and the lists of the removed stay.
  const handles: number[] = [];
  for (let main = 2; main < 40_002; main++) {
    handles.push(engine.append(main, 0, new Uint8Array(20)));
  }
  engine.commit({ ...engine.head, revision: 40_001 });
  await flushed(engine, false);
  const withRecords = engine.bytesInUse;
  handles.forEach((handle, i) => {
    if (i % 3 === 1) engine.remove(2 + i, 0, handle);
  });
  await flushed(engine, false);
  const lists = engine.bytesInUse - withRecords;
  assert.ok(lists >= 13_000 * 12, `${lists} bytes`);
});
