// The block engine over a disk that loses what was not committed: whatever crashes, whenever, what is found is a
// state that the store was in, whole, and nothing that was called durable is missing.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "../contract.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { type OpenedStore, openStore } from "../store.ts";
import { range } from "../testing/commands.ts";
import { applyOne, snapshotOf } from "../testing/driver.ts";
import { createRandom, leases, randomCommand } from "../testing/random-commands.ts";
import { BlockEngine } from "./block-engine.ts";
import { LossyFolder } from "./testing/lossy-folder.ts";

const everything = range("\0", "\0");

function open(folder: LossyFolder): OpenedStore {
  const engine = new BlockEngine(
    { folder, timers: folder.timers },
    // So little work to a turn that most batches are made in several.
    { commitDelayMs: 10, retryAfterMs: 1000, cacheBytes: 4096, workPerTurn: 3 },
  );
  return openStore({ engine });
}

/** A log of commands, and one store that has applied all of them and never crashed. */
class History {
  readonly twin = openStore({ engine: createMemoryEngine() });
  readonly commands: Command[] = [];
  readonly hashes: number[] = [this.twin.stateHash().hash];

  add(command: Command): void {
    this.commands.push(command);
    applyOne(this.twin, command, 1_000_000 + this.commands.length * 700);
    this.hashes.push(this.twin.stateHash().hash);
  }

  replay(store: OpenedStore): void {
    for (let i = store.appliedIndex; i < this.commands.length; i++) {
      applyOne(store, this.commands[i]!, 1_000_000 + (i + 1) * 700);
    }
  }
}

function assertSame(store: OpenedStore, twin: OpenedStore): void {
  assert.deepEqual(store.stateHash(), twin.stateHash());
  assert.deepEqual(store.range(everything), twin.range(everything));
  assert.deepEqual(store.hashKv(0), twin.hashKv(0));
  assert.deepEqual(store.leases(), twin.leases());
  for (const lease of leases) assert.deepEqual(store.leaseKeys(lease), twin.leaseKeys(lease));
}

for (let seed = 1; seed <= 60; seed++) {
  test(`crashes at any moment lose nothing that was durable, and tear nothing (seed ${seed})`, () => {
    const random = createRandom(seed);
    const folder = new LossyFolder(random);
    const history = new History();
    let store = open(folder);
    let durable = 0;
    for (let step = 0; step < 400; step++) {
      const choice = random(20);
      if (choice < 8) {
        history.add(randomCommand(random, history.twin.revision));
        history.replay(store);
      } else if (choice < 11) store.compactStep();
      else if (choice < 12) history.twin.compactStep();
      else if (choice < 17) folder.step();
      else if (choice < 18) {
        const asked = store.appliedIndex;
        store.flush((error) => {
          assert.equal(error, undefined);
          durable = Math.max(durable, asked);
        }, random(2) === 0);
      } else if (choice < 19 && random(4) === 0) {
        folder.crash();
        store = open(folder);
        assert.ok(store.appliedIndex >= durable, `${store.appliedIndex} after ${durable}`);
        const { index, hash } = store.stateHash();
        assert.equal(hash, history.hashes[index]);
        durable = index;
        history.replay(store);
        assertSame(store, history.twin);
      }
      durable = Math.max(durable, store.durable().index);
    }
    history.add({ kind: "compact", revision: history.twin.revision });
    history.replay(store);
    while (folder.step());
    while (store.compactionLeft) {
      store.compactStep();
      folder.step();
    }
    while (folder.step());
    assert.equal(store.unwrittenBytes, 0, "once it is quiet everything is written");
    assert.equal(store.durable().index, store.appliedIndex);
    assertSame(store, history.twin);
    assert.deepEqual(snapshotOf(store), snapshotOf(history.twin));
  });
}

test("a snapshot is installed whole or not at all, whenever the member dies", () => {
  const outcomes = new Set<number>();
  for (let seed = 1; seed <= 200; seed++) {
    const random = createRandom(seed);
    const folder = new LossyFolder(random);
    const [old, later] = [new History(), new History()];
    for (let i = 0; i < 5; i++) old.add(randomCommand(random, old.twin.revision));
    for (const command of old.commands) later.add(command);
    for (let i = 0; i < 100; i++) later.add(randomCommand(random, later.twin.revision));
    let store = open(folder);
    old.replay(store);
    store.flush(() => {});
    while (folder.step());
    const writer = store.beginRestore();
    for (const chunk of snapshotOf(later.twin)) writer.write(chunk);
    writer.finish();
    writer.install(() => {});
    for (let left = random(12); left > 0 && folder.step(); left--);
    folder.crash();
    store = open(folder);
    assert.deepEqual(folder.names, [folder.current]);
    const { index } = store.stateHash();
    outcomes.add(index);
    assertSame(store, index === 5 ? old.twin : later.twin);
    // And it goes on from there.
    later.replay(store);
    while (folder.step());
    assertSame(store, later.twin);
  }
  assert.deepEqual([...outcomes].sort(), [105, 5]);
});

test("what is known of removals is not more than what they are about, however seldom a block loses a record", () => {
  const folder = new LossyFolder(createRandom(1));
  const settings = { commitDelayMs: 10, retryAfterMs: 1000, cacheBytes: 0 };
  let engine = new BlockEngine({ folder, timers: folder.timers }, settings);
  let main = 1;
  const write = (count: number): number[] => {
    const written: number[] = [];
    for (let left = count; left > 0; left--) {
      engine.append(++main, 0, new Uint8Array(20));
      written.push(main);
    }
    engine.commit({ ...engine.head, revision: main });
    return written;
  };
  const settle = (): void => {
    while (folder.step());
  };
  const left = new Set(write(400));
  const cold = [...left];
  // Each list tells of many records that are gone at once, and of one whose block stays.
  for (let round = 0; round < 100; round++) {
    const hot = write(20);
    settle();
    for (const one of [...hot, cold[round * 2]!]) {
      engine.remove(one, 0, 0);
      left.delete(one);
    }
    settle();
  }
  const names = folder.bytesOf("removals") / 12;
  assert.ok(names <= 2 * left.size, `${names} names of removed records beside ${left.size}`);
  folder.crash();
  engine = new BlockEngine({ folder, timers: folder.timers }, settings);
  const found: number[] = [];
  engine.load((one) => found.push(one));
  assert.deepEqual(found, [...left]);
});

test("a disk that is full for long ends the engine; one that has room again in time loses nothing", () => {
  for (const fullMs of [2500, 60_000]) {
    const folder = new LossyFolder(createRandom(1));
    const history = new History();
    const store = open(folder);
    folder.isFull = true;
    for (let i = 0; i < 50; i++) history.add(randomCommand(createRandom(i), 1));
    history.replay(store);
    while (folder.nowMs < fullMs && folder.step());
    folder.isFull = false;
    while (folder.step());
    const isShort = fullMs < 4000;
    assert.equal(store.failure === undefined, isShort);
    assert.equal(store.durable().index, isShort ? 50 : 0);
  }
});
