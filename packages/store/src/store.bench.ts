// biome-ignore-all lint/style/noRestrictedGlobals: a benchmark measures the world.
// Measures the store alone: node --expose-gc packages/store/src/store.bench.ts [keys]. For each engine: applying
// puts of 256 bytes to new and to existing keys, reads, ranges, a snapshot's longest step, memory, and
// how long a restart takes.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { encodeCommand } from "./command/encode.ts";
import { openDiskEngine } from "./disk/disk-engine.ts";
import type { Engine } from "./engine/port.ts";
import { createMemoryEngine } from "./memory/memory-engine.ts";
import { type OpenedStore, openStore } from "./store.ts";
import { put, range } from "./testing/commands.ts";

const keyCount = Number(process.argv[2] ?? 1_000_000);
const overwrites = Math.min(keyCount, 200_000);
const value = new Uint8Array(256).fill(120);

function keyAt(i: number): string {
  return `key/${String((i * 7919) % keyCount).padStart(12, "0")}`;
}

function applyPut(store: OpenedStore, i: number): void {
  store.apply(encodeCommand(put(keyAt(i), "", { value })), {
    index: store.appliedIndex + 1,
    epoch: 1,
    proposer: "",
    leaderTimeMs: 0,
  });
}

/** On a shared machine the CPU time says more than the clock. */
let cpuAtReport = 0;

function report(what: string, startedAt: number, count: number): void {
  const elapsedMs = performance.now() - startedAt;
  const cpu = process.cpuUsage();
  const cpuUs = cpu.user + cpu.system - cpuAtReport;
  cpuAtReport = cpu.user + cpu.system;
  const each = (us: number): string => (us / count).toFixed(2).padStart(8);
  console.log(
    `  ${what.padEnd(24)} ${each(elapsedMs * 1000)} us each, ${each(cpuUs)} us of CPU since the ` +
      `line before; ${elapsedMs.toFixed(0)} ms`,
  );
}

async function inTurns(count: number, run: (i: number) => void): Promise<void> {
  for (let i = 0; i < count; ) {
    for (const end = Math.min(count, i + 200); i < end; i++) run(i);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function measure(name: string, open: () => Engine, restarts: boolean): Promise<void> {
  console.log(`${name}, ${keyCount} keys`);
  globalThis.gc?.();
  const before = process.memoryUsage();
  let store = openStore({ engine: open(), crc32 });
  let startedAt = performance.now();
  await inTurns(keyCount, (i) => applyPut(store, i));
  report("put, new key", startedAt, keyCount);
  await new Promise((resolve) => store.flush(resolve));
  report("put, until durable", startedAt, keyCount);
  startedAt = performance.now();
  await inTurns(overwrites, (i) => applyPut(store, i * 3));
  report("put, existing key", startedAt, overwrites);
  await new Promise((resolve) => store.flush(resolve));
  globalThis.gc?.();
  const after = process.memoryUsage();
  const perKey = (bytes: number): string => (bytes / keyCount).toFixed(0);
  console.log(
    `  bytes per key: heap ${perKey(after.heapUsed - before.heapUsed)}, array buffers ` +
      `${perKey(after.arrayBuffers - before.arrayBuffers)}; resident ` +
      `${((after.rss - before.rss) / 2 ** 20).toFixed(0)} MiB`,
  );
  startedAt = performance.now();
  for (let i = 0; i < 100_000; i++) store.range(range(keyAt(i * 31)));
  report("get", startedAt, 100_000);
  startedAt = performance.now();
  for (let i = 0; i < 1000; i++) store.range(range(keyAt(i * 31), "\0", { limit: 100 }));
  report("range, 100 of the rest", startedAt, 1000);
  startedAt = performance.now();
  for (let i = 0; i < 10_000; i++) store.range(range(keyAt(i), "\0", { countOnly: true }));
  report("count", startedAt, 10_000);
  measureSnapshot(store);
  await new Promise<void>((resolve) => store.close(resolve));
  if (!restarts) return;
  startedAt = performance.now();
  store = openStore({ engine: open(), crc32 });
  report("restart", startedAt, keyCount);
  await new Promise<void>((resolve) => store.close(resolve));
}

function measureSnapshot(store: OpenedStore): void {
  const reader = store.openSnapshot();
  const startedAt = performance.now();
  let longest = 0;
  for (;;) {
    const stepAt = performance.now();
    if (reader.next() === undefined) break;
    longest = Math.max(longest, performance.now() - stepAt);
  }
  report("snapshot", startedAt, keyCount);
  console.log(`  longest snapshot step ${longest.toFixed(1)} ms`);
}

const directory = mkdtempSync(join(tmpdir(), "althing-store-bench-"));
try {
  await measure("memory engine", () => createMemoryEngine(), false);
  await measure("disk engine", () => openDiskEngine({ directory }), true);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
