import assert from "node:assert/strict";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DurabilityLost } from "../blocks/write-errors.ts";
import { closed } from "../engine/testing/engine-suite.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { type OpenedStore, openStore } from "../store.ts";
import { put, range } from "../testing/commands.ts";
import { applyOne, snapshotOf } from "../testing/driver.ts";
import { openDiskEngine } from "./disk-engine.ts";

function folder(held: AsyncDisposableStack): string {
  const directory = fs.mkdtempSync(join(tmpdir(), "althing-directory-"));
  held.defer(() => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function countOf(store: OpenedStore, key: string): number {
  const found = store.range(range(key));
  return found.kind === "range" ? found.count : -1;
}

test("a directory that names a state which is not there is refused, not begun anew", async () => {
  await using held = new AsyncDisposableStack();
  const directory = folder(held);
  await closed(openDiskEngine({ directory }));
  fs.writeFileSync(join(directory, "CURRENT"), "state-7\n");
  assert.throws(() => openDiskEngine({ directory }), /state-7, which is not there/);
});

test("when it is not known which state a restart finds, both stay and nothing more is written", async () => {
  await using held = new AsyncDisposableStack();
  const directory = folder(held);
  const errors: Error[] = [];
  const onError = (error: Error) => errors.push(error);
  const store = openStore({ engine: openDiskEngine({ directory, onError }) });
  applyOne(store, put("old"));
  await new Promise<void>((resolve) => store.flush(() => resolve()));
  const source = openStore({ engine: createMemoryEngine() });
  for (let i = 0; i < 3; i++) applyOne(source, put("new"));
  const writer = store.beginRestore();
  for (const chunk of snapshotOf(source)) writer.write(chunk);
  writer.finish();
  // The name was replaced, and the disk does not say that it will stay so.
  const { fsyncSync } = fs;
  fs.fsyncSync = (file) => {
    if (fs.fstatSync(file).isDirectory()) throw new Error("input/output error");
    fsyncSync(file);
  };
  syncBuiltinESMExports();
  const failed = await new Promise<Error | undefined>((resolve) => writer.install(resolve));
  fs.fsyncSync = fsyncSync;
  syncBuiltinESMExports();
  assert.ok(failed instanceof Error);
  assert.ok(errors.some((error) => error instanceof DurabilityLost));
  assert.equal(countOf(store, "old"), 1);
  assert.throws(() => applyOne(store, put("more")), DurabilityLost);
  await closed(store);
  for (const [name, key] of [
    ["state-1", "old"],
    ["state-2", "new"],
  ] as const) {
    const copy = folder(held);
    fs.cpSync(directory, copy, { recursive: true });
    fs.writeFileSync(join(copy, "CURRENT"), `${name}\n`);
    const found = openStore({ engine: openDiskEngine({ directory: copy }) });
    assert.equal(countOf(found, key), 1, name);
    await closed(found);
  }
});

/** The directories that were synced while `run` ran, in order. */
function synced(run: () => void): string[] {
  const directories: string[] = [];
  const { fsyncSync } = fs;
  fs.fsyncSync = (file) => {
    if (fs.fstatSync(file).isDirectory()) {
      const path = fs.readlinkSync(`/proc/self/fd/${file}`);
      // With what is in it at that moment.
      directories.push(`${path}: ${fs.readdirSync(path).sort().join(" ")}`);
    }
    fsyncSync(file);
  };
  syncBuiltinESMExports();
  try {
    run();
  } finally {
    fs.fsyncSync = fsyncSync;
    syncBuiltinESMExports();
  }
  return directories;
}

test("a restart acts on a name only when the disk has it: who gave it may have ended before", async () => {
  await using held = new AsyncDisposableStack();
  const directory = folder(held);
  await closed(openDiskEngine({ directory }));
  // As it is left by a process that is killed between naming the new state and syncing the name.
  fs.cpSync(join(directory, "state-1"), join(directory, "state-2"), { recursive: true });
  fs.writeFileSync(join(directory, "CURRENT"), "state-2\n");
  const directories = synced(() => {
    const engine = openDiskEngine({ directory });
    held.defer(() => closed(engine));
  });
  assert.deepEqual(directories, [`${directory}: CURRENT state-1 state-2`]);
});

test("a state is in its directory when it is begun, whatever is cut off later", async () => {
  await using held = new AsyncDisposableStack();
  const directory = folder(held);
  const directories = synced(() => {
    const engine = openDiskEngine({ directory });
    held.defer(() => closed(engine));
  });
  assert.deepEqual(directories.slice(-2), [
    `${join(directory, "state-1")}: data.mdb lock.mdb`,
    `${directory}: CURRENT state-1`,
  ]);
});
