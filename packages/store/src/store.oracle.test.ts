// The same random commands on the memory engine, the disk engine and the oracle: equal results,
// ranges, hashes and snapshots, whatever compaction, flushes and restarts happen between.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { crc32 as builtInCrc32 } from "node:zlib";
import { decodeCommand } from "./command/decode.ts";
import { encodeCommand } from "./command/encode.ts";
import type { Result } from "./contract.ts";
import { openDiskEngine } from "./disk/disk-engine.ts";
import { closed, flushed } from "./engine/testing/engine-suite.ts";
import { createMemoryEngine } from "./memory/memory-engine.ts";
import { openStore } from "./store.ts";
import { applyOne, snapshotOf } from "./testing/driver.ts";
import { Oracle } from "./testing/oracle.ts";
import { createRandom, randomCommand, randomRange } from "./testing/random-commands.ts";

/** A Buffer and an array of the same bytes are the same value. */
function normal(result: Result): unknown {
  const walk = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return Array.from(value);
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== "object" || value === null) return value;
    const known = Object.entries(value).filter(([name]) => name !== "tombstone");
    return Object.fromEntries(known.map(([name, inner]) => [name, walk(inner)]));
  };
  return walk(result);
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`memory engine, disk engine and oracle agree (seed ${seed})`, async () => {
    const random = createRandom(seed);
    const directory = mkdtempSync(join(tmpdir(), "althing-store-"));
    const oracle = new Oracle();
    const memory = openStore({ engine: createMemoryEngine() });
    let disk = openStore({ engine: openDiskEngine({ directory }), crc32: builtInCrc32 });
    for (let step = 0; step < 250; step++) {
      const command = randomCommand(random, oracle.revision);
      assert.deepEqual(decodeCommand(encodeCommand(command)), command);
      const expected = normal(oracle.apply(command));
      assert.deepEqual(normal(applyOne(memory, command)), expected);
      assert.deepEqual(normal(applyOne(disk, command)), expected);
      assert.deepEqual(disk.stateHash(), memory.stateHash());
      const range = randomRange(random, oracle.revision);
      const found = normal(oracle.range(range));
      assert.deepEqual(normal(memory.range(range)), found);
      assert.deepEqual(normal(disk.range(range)), found);
      if (random(5) === 0) memory.compactStep();
      if (random(9) === 0) disk.compactStep();
      if (random(10) === 0) await flushed(disk);
      if (random(25) === 0) {
        await flushed(disk);
        await closed(disk);
        disk = openStore({ engine: openDiskEngine({ directory }), crc32: builtInCrc32 });
      }
      if (random(25) === 0) {
        assert.deepEqual(snapshotOf(disk), snapshotOf(memory));
        assert.deepEqual(disk.hashKv(0), memory.hashKv(0));
      }
    }
    await closed(disk);
    rmSync(directory, { recursive: true, force: true });
  });
}
