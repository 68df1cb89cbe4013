// A disk that is really full (a small tmpfs): nothing is called durable that is not on it, room that
// comes back in time is used, and a disk that stays full ends the engine with an error that says so.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { DurabilityLost } from "../blocks/write-errors.ts";
import { closed } from "../engine/testing/engine-suite.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { type OpenedStore, openStore } from "../store.ts";
import { put, range } from "../testing/commands.ts";
import { applyOne, snapshotOf } from "../testing/driver.ts";
import { openDiskEngine } from "./disk-engine.ts";

const value = new Uint8Array(100_000);

/** Undefined, with the test skipped, where nothing may be mounted. */
function mountSmall(t: TestContext, megabytes: number): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), "althing-full-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "none", directory], {
      stdio: "ignore",
    });
  } catch {
    rmSync(directory, { recursive: true });
    t.skip("missing: the right to mount a tmpfs");
    return undefined;
  }
  t.after(() => {
    execFileSync("umount", ["-l", directory]);
    rmSync(directory, { recursive: true });
  });
  return directory;
}

function flushOutcome(store: OpenedStore): Promise<Error | undefined> {
  return new Promise((resolve) => store.flush(resolve));
}

test("room that comes back in time is used, and nothing is missing", async (t) => {
  const directory = mountSmall(t, 6);
  if (directory === undefined) return;
  const errors: Error[] = [];
  const state = join(directory, "state");
  const open = (): OpenedStore =>
    openStore({
      engine: openDiskEngine({
        directory: state,
        retryAfterMs: 300,
        onError: (error) => errors.push(error),
      }),
    });
  const store = open();
  writeFileSync(join(directory, "filler"), new Uint8Array(4_500_000));
  let failed: Error | undefined;
  for (let i = 0; failed === undefined && i < 30; i++) {
    applyOne(store, put(`k${i}`, "", { value }));
    failed = await flushOutcome(store);
  }
  assert.ok(failed !== undefined && !(failed instanceof DurabilityLost));
  const behind = store.durable().index;
  assert.equal(behind, store.appliedIndex - 1);
  rmSync(join(directory, "filler"));
  assert.equal(await flushOutcome(store), undefined);
  assert.equal(store.durable().index, store.appliedIndex);
  const applied = store.appliedIndex;
  await closed(store);
  const again = open();
  assert.equal(again.appliedIndex, applied);
  const counted = again.range(range("\0", "\0", { countOnly: true }));
  assert.equal(counted.kind === "range" && counted.count, applied);
  await closed(again);
});

test("a disk that is full for a moment ends nothing, however much is written meanwhile", async (t) => {
  const directory = mountSmall(t, 16);
  if (directory === undefined) return;
  const errors: Error[] = [];
  const state = join(directory, "state");
  const store = openStore({
    engine: openDiskEngine({
      directory: state,
      retryAfterMs: 200,
      onError: (error) => errors.push(error),
    }),
  });
  writeFileSync(join(directory, "filler"), new Uint8Array(16_000_000 - 300_000));
  // Batches fill up one after the other: each of them would try the disk by itself.
  for (let turn = 0; turn < 40; turn++) {
    for (let i = 0; i < 2048; i++) applyOne(store, put(`k${i % 100}`));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok(errors.length > 0, "the disk was never full");
  assert.deepEqual(
    errors.filter((error) => error instanceof DurabilityLost),
    [],
  );
  rmSync(join(directory, "filler"));
  assert.equal(await flushOutcome(store), undefined);
  assert.equal(store.durable().index, store.appliedIndex);
  await closed(store);
});

test("a disk that stays full ends the engine, and memory does not fill instead", async (t) => {
  const directory = mountSmall(t, 2);
  if (directory === undefined) return;
  const lost = Promise.withResolvers<Error>();
  const store = openStore({
    engine: openDiskEngine({
      directory: join(directory, "state"),
      retryAfterMs: 20,
      onError: (error) => {
        if (error instanceof DurabilityLost) lost.resolve(error);
      },
    }),
  });
  for (let i = 0; i < 30; i++) applyOne(store, put(`k${i}`, "", { value }));
  assert.ok((await lost.promise) instanceof DurabilityLost);
  assert.ok((await flushOutcome(store)) instanceof DurabilityLost);
  assert.ok(store.durable().index < store.appliedIndex);
  assert.throws(() => applyOne(store, put("one more")), DurabilityLost);
  await closed(store);
});

test("a snapshot that the disk did not take whole is not installed, although its end was taken", async (t) => {
  const directory = mountSmall(t, 6);
  if (directory === undefined) return;
  const source = openStore({ engine: createMemoryEngine() });
  for (let i = 0; i < 30; i++) applyOne(source, put(`k${i}`, "", { value }));
  const chunks = snapshotOf(source);
  const store = openStore({ engine: openDiskEngine({ directory: join(directory, "state") }) });
  applyOne(store, put("before"));
  assert.equal(await flushOutcome(store), undefined);
  const writer = store.beginRestore();
  writeFileSync(join(directory, "filler"), new Uint8Array(5_500_000));
  const last = chunks.pop()!;
  for (const chunk of chunks) {
    writer.write(chunk);
    await new Promise(setImmediate);
  }
  // Long enough for what was written to be refused.
  await new Promise((resolve) => setTimeout(resolve, 500));
  rmSync(join(directory, "filler"));
  writer.write(last);
  writer.finish();
  const failed = await new Promise<Error | undefined>((resolve) => writer.install(resolve));
  assert.ok(failed instanceof Error, "installed");
  const found = store.range(range("before"));
  assert.equal(found.kind === "range" && found.count, 1);
  await closed(store);
});
