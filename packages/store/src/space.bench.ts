// biome-ignore-all lint/style/noRestrictedGlobals: a benchmark measures the world.
// What is in use on the disk when keys were deleted here and there, two in five, before and after somebody asks for
// the space: node packages/store/src/space.bench.ts [keys].

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { openDiskEngine } from "./disk/disk-engine.ts";
import { openStore } from "./store.ts";
import { del, put } from "./testing/commands.ts";
import { applyOne } from "./testing/driver.ts";

const keyCount = Number(process.argv[2] ?? 100_000);
const value = new Uint8Array(200).fill(120);
const keyAt = (i: number) => `key/${String((i * 7919) % keyCount).padStart(12, "0")}`;
const turn = () => new Promise((resolve) => setImmediate(resolve));

const directory = mkdtempSync(join(tmpdir(), "althing-space-bench-"));
try {
  const store = openStore({ engine: openDiskEngine({ directory }), crc32 });
  const flushed = (thorough: boolean) =>
    new Promise<void>((resolve, reject) => {
      store.flush((error) => (error === undefined ? resolve() : reject(error)), thorough);
    });
  const report = (what: string) => {
    console.log(`  ${what.padEnd(44)} ${(store.bytesInUse / 1e6).toFixed(1)} MB in use`);
  };
  console.log(`${keyCount} keys with ${value.length} bytes each`);
  for (let i = 0; i < keyCount; i++) applyOne(store, put(keyAt(i), "", { value }));
  await flushed(false);
  report("written");
  for (let i = 0; i < keyCount; i++) if ((i * 7) % 5 < 2) applyOne(store, del(keyAt(i)));
  applyOne(store, { kind: "compact", revision: store.revision });
  while (store.compactionLeft) {
    if (store.compactionPending) store.compactStep();
    await turn();
  }
  await flushed(false);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  report("two in five deleted, and compacted");
  let longestMs = 0;
  let isFree = false;
  const startedAt = performance.now();
  void flushed(true).then(() => {
    isFree = true;
  });
  while (!isFree) {
    const before = process.threadCpuUsage();
    await turn();
    const { user, system } = process.threadCpuUsage(before);
    longestMs = Math.max(longestMs, (user + system) / 1000);
  }
  report("and defragmented");
  const ms = (performance.now() - startedAt).toFixed(0);
  console.log(`  which took ${ms} ms, the longest turn ${longestMs.toFixed(1)} ms of CPU`);
  await new Promise<void>((resolve) => store.close(resolve));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
