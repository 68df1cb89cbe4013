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
import type { EventsRequest, StoreEvent } from "./contract.ts";
import { openDiskEngine } from "./disk/disk-engine.ts";
import { closed, flushed } from "./engine/testing/engine-suite.ts";
import { createMemoryEngine } from "./memory/memory-engine.ts";
import { type OpenedStore, openStore } from "./store.ts";
import { applyOne, snapshotOf } from "./testing/driver.ts";
import { Oracle } from "./testing/oracle.ts";
import {
  createRandom,
  leases,
  randomCommand,
  randomEvents,
  randomRange,
} from "./testing/random-commands.ts";

/** A Buffer and an array of the same bytes are the same value. */
function normal(result: unknown): unknown {
  const walk = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return Array.from(value);
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== "object" || value === null) return value;
    const known = Object.entries(value).filter(([name]) => name !== "tombstone");
    return Object.fromEntries(known.map(([name, inner]) => [name, walk(inner)]));
  };
  return walk(result);
}

/** All pieces, one after the other: together they are the whole, and none divides a revision. */
function eventsOf(store: OpenedStore, request: EventsRequest): StoreEvent[] | "compacted" {
  const events: StoreEvent[] = [];
  let { fromRevision } = request;
  while (fromRevision <= store.revision) {
    const piece = store.readEvents({ ...request, fromRevision });
    if (piece.kind === "error") {
      assert.equal(piece.code, "compacted");
      return "compacted";
    }
    for (const { kv } of piece.events) {
      assert.ok(kv.modRevision >= fromRevision && kv.modRevision < piece.nextRevision);
    }
    const before = piece.events.filter(
      ({ kv }) => kv.modRevision !== piece.events.at(-1)?.kv.modRevision,
    );
    assert.ok(before.length < request.eventsMax);
    events.push(...piece.events);
    fromRevision = piece.nextRevision;
  }
  const beyond = store.readEvents({ ...request, fromRevision });
  const nothing = { kind: "events", events: [], nextRevision: fromRevision, nextPart: 0 };
  assert.deepEqual(beyond, nothing);
  return events;
}

async function restoredFrom(chunks: readonly Uint8Array[]): Promise<OpenedStore> {
  const store = openStore({ engine: createMemoryEngine() });
  const writer = store.beginRestore();
  for (const chunk of chunks) writer.write(chunk);
  writer.finish();
  await new Promise<void>((resolve, reject) => {
    writer.install((error) => (error === undefined ? resolve() : reject(error)));
  });
  return store;
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`memory engine, disk engine and oracle agree (seed ${seed})`, async () => {
    const random = createRandom(seed);
    const directory = mkdtempSync(join(tmpdir(), "althing-store-"));
    const oracle = new Oracle();
    const memory = openStore({ engine: createMemoryEngine() });
    let disk = openStore({ engine: openDiskEngine({ directory }), crc32: builtInCrc32 });
    for (let step = 0; step < 250; step++) {
      const command = randomCommand(random, oracle.revision);
      assert.deepEqual(decodeCommand(encodeCommand(command)), command);
      const timeMs = 1_000_000 + step * 700;
      const expected = normal(oracle.apply(command, timeMs));
      assert.deepEqual(normal(applyOne(memory, command, timeMs)), expected);
      assert.deepEqual(normal(applyOne(disk, command, timeMs)), expected);
      assert.deepEqual(disk.stateHash(), memory.stateHash());
      const range = randomRange(random, oracle.revision);
      const found = normal(oracle.range(range));
      assert.deepEqual(normal(memory.range(range)), found);
      assert.deepEqual(normal(disk.range(range)), found);
      const request = randomEvents(random, oracle.revision);
      const events = normal(oracle.events(request));
      assert.deepEqual(normal(eventsOf(memory, request)), events);
      assert.deepEqual(normal(eventsOf(disk, request)), events);
      for (const lease of leases) {
        assert.deepEqual(memory.lease(lease), oracle.leases.get(lease));
        assert.deepEqual(disk.lease(lease), oracle.leases.get(lease));
        assert.deepEqual(memory.leaseKeys(lease), oracle.leaseKeys(lease));
        assert.deepEqual(disk.leaseKeys(lease), oracle.leaseKeys(lease));
      }
      assert.deepEqual(disk.leases(), memory.leases());
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
        const restored = await restoredFrom(snapshotOf(memory));
        assert.deepEqual(restored.stateHash(), memory.stateHash());
        assert.deepEqual(restored.leases(), memory.leases());
        for (const lease of leases) {
          assert.deepEqual(restored.leaseKeys(lease), memory.leaseKeys(lease));
        }
        assert.deepEqual(normal(eventsOf(restored, request)), events);
      }
    }
    await closed(disk);
    rmSync(directory, { recursive: true, force: true });
  });
}
