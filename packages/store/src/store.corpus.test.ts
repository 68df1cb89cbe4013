// Failures of real systems that concern the state machine, each under the name that the corpus gives
// it. A power loss is a storage that keeps only what was synced.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openDiskEngine } from "./disk/disk-engine.ts";
import { closed, flushed } from "./engine/testing/engine-suite.ts";
import { createMemoryEngine } from "./memory/memory-engine.ts";
import { SnapshotDamaged } from "./snapshot/format.ts";
import { type OpenedStore, openStore } from "./store.ts";
import { compare, del, put, range, textOf, txn } from "./testing/commands.ts";
import { applyAll, applyOne, compactFully, snapshotOf } from "./testing/driver.ts";
import { MemoryStorage } from "./testing/memory-storage.ts";

function openOn(storage: MemoryStorage): OpenedStore {
  return openStore({ engine: createMemoryEngine({ storage }) });
}

function flushNow(store: OpenedStore, storage: MemoryStorage): void {
  let outcome: "pending" | Error | undefined = "pending";
  store.flush((error) => {
    outcome = error;
  });
  storage.run();
  assert.equal(outcome, undefined);
}

function contentOf(store: OpenedStore): string[] {
  const result = store.range(range("\0", "\0"));
  assert.equal(result.kind, "range");
  return result.kind === "range"
    ? result.kvs.map((kv) => `${kv.key}=${textOf(kv.value)}@${kv.modRevision}`)
    : [];
}

const history = [put("a", "1"), put("b", "1"), del("a"), put("a", "2"), put("b", "2")];

test("applied-index-not-atomic: at whatever step a power loss comes, index and effects agree", () => {
  const expected = [openStore({ engine: createMemoryEngine() })].map((store) => {
    const contents: string[][] = [contentOf(store)];
    for (const command of history) {
      applyOne(store, command);
      contents.push(contentOf(store));
    }
    return contents;
  })[0]!;
  for (let operations = 0; operations < 40; operations++) {
    const storage = new MemoryStorage();
    const store = openOn(storage);
    for (const command of history) {
      applyOne(store, command);
      store.flush(() => {});
      storage.run(2);
    }
    storage.run(operations);
    const durable = store.durable().index;
    const restarted = openOn(storage.crash());
    assert.deepEqual(contentOf(restarted), expected[restarted.appliedIndex]);
    assert.ok(restarted.appliedIndex >= durable, "what was called durable must be found");
  }
});

test("reapply-last-entry-on-restart: an entry already applied is refused, not applied again", () => {
  const storage = new MemoryStorage();
  const store = openOn(storage);
  applyAll(store, history);
  flushNow(store, storage);
  const restarted = openOn(storage.crash());
  assert.equal(restarted.appliedIndex, history.length);
  const again = { index: history.length, epoch: 1, proposer: "", leaderTimeMs: 0 };
  assert.throws(() => restarted.applyNothing(again), /applied index 5 after 5/);
  assert.equal(restarted.revision, store.revision);
  assert.deepEqual(restarted.stateHash(), store.stateHash());
});

test("revision-goes-back-after-compaction-crash: the revision survives losing every key", async () => {
  const directory = mkdtempSync(join(tmpdir(), "althing-store-"));
  let store = openStore({ engine: openDiskEngine({ directory }) });
  applyAll(store, [put("a"), put("a"), del("a"), put("b"), del("b")]);
  applyOne(store, { kind: "compact", revision: 6 });
  compactFully(store);
  await flushed(store);
  applyOne(store, put("c"));
  await flushed(store);
  await closed(store);
  store = openStore({ engine: openDiskEngine({ directory }) });
  assert.equal(store.revision, 7);
  assert.equal(store.compactRevision, 6);
  assert.deepEqual(contentOf(store), ["c=@7"]);
  await closed(store);
  rmSync(directory, { recursive: true, force: true });
});

test("a removed tombstone never brings back what it deleted, though blocks keep dead records", async () => {
  const directory = mkdtempSync(join(tmpdir(), "althing-store-"));
  let store = openStore({ engine: openDiskEngine({ directory }) });
  // The puts of "gone" share a block with keys that stay, its tombstone one with keys that go.
  applyAll(store, [put("gone", "1"), put("gone", "2")]);
  for (let i = 0; i < 60; i++) applyOne(store, put(`stay${i}`, "x".repeat(100)));
  await flushed(store);
  applyOne(store, del("gone"));
  for (let i = 0; i < 60; i++) applyOne(store, put("churn", "x".repeat(100)));
  await flushed(store);
  applyOne(store, { kind: "compact", revision: store.revision });
  compactFully(store);
  await flushed(store);
  applyOne(store, put("churn", "last"));
  await flushed(store);
  const before = contentOf(store);
  await closed(store);
  store = openStore({ engine: openDiskEngine({ directory }) });
  assert.deepEqual(contentOf(store), before);
  assert.equal(store.range(range("gone")).kind, "range");
  assert.equal(contentOf(store).length, 61);
  await closed(store);
  rmSync(directory, { recursive: true, force: true });
});

test("txn-reads-compacted-rev: refused alike before and after the physical removal", () => {
  const slow = openStore({ engine: createMemoryEngine() });
  const quick = openStore({ engine: createMemoryEngine() });
  const read = txn([], [put("w", "1"), range("a", "", { revision: 2 })]);
  for (const store of [slow, quick]) {
    applyAll(store, history);
    applyOne(store, { kind: "compact", revision: 4 });
  }
  compactFully(quick);
  const expected = { kind: "error", revision: 6, code: "compacted" };
  for (const store of [slow, quick]) assert.deepEqual(applyOne(store, read), expected);
  assert.deepEqual(slow.stateHash(), quick.stateHash());
  assert.deepEqual(snapshotOf(slow), snapshotOf(quick));
  assert.deepEqual(contentOf(slow), ["a=2@5", "b=2@6"]);
});

test("crash-in-defrag: a state that was never put in force is a leftover, not data", async () => {
  const directory = mkdtempSync(join(tmpdir(), "althing-store-"));
  let store = openStore({ engine: openDiskEngine({ directory }) });
  applyAll(store, history);
  await flushed(store);
  await closed(store);
  mkdirSync(join(directory, "state-7"));
  store = openStore({ engine: openDiskEngine({ directory }) });
  assert.deepEqual(contentOf(store), ["a=2@5", "b=2@6"]);
  assert.deepEqual(readdirSync(directory).sort(), ["CURRENT", "state-1"]);
  await closed(store);
  rmSync(directory, { recursive: true, force: true });
});

test("restore-swap-then-fail: a restore that cannot be made durable leaves the old state whole", () => {
  const source = openStore({ engine: createMemoryEngine() });
  applyAll(source, [...history, put("c", "3")]);
  const storage = new MemoryStorage();
  const store = openOn(storage);
  applyOne(store, put("old", "1"));
  flushNow(store, storage);
  const writer = store.beginRestore();
  for (const chunk of snapshotOf(source)) writer.write(chunk);
  writer.finish();
  storage.failNextWrite = new Error("disk failed");
  let failure: Error | undefined;
  writer.install((error) => {
    failure = error;
  });
  storage.run();
  assert.equal(failure?.message, "disk failed");
  assert.deepEqual([store.appliedIndex, ...contentOf(store)], [1, "old=1@2"]);
  const restarted = openOn(storage.crash());
  assert.deepEqual([restarted.appliedIndex, ...contentOf(restarted)], [1, "old=1@2"]);
});

test("restore: at whatever step a power loss comes, the old or the new state is whole", () => {
  const source = openStore({ engine: createMemoryEngine() });
  applyAll(source, history);
  for (let operations = 0; operations < 12; operations++) {
    const storage = new MemoryStorage();
    const store = openOn(storage);
    applyOne(store, put("old", "1"));
    flushNow(store, storage);
    const writer = store.beginRestore();
    for (const chunk of snapshotOf(source)) writer.write(chunk);
    writer.finish();
    let installed = false;
    writer.install(() => {
      installed = true;
    });
    storage.run(operations);
    const found = openOn(storage.crash());
    const isNew = found.appliedIndex === history.length;
    assert.deepEqual(contentOf(found), isNew ? contentOf(source) : ["old=1@2"]);
    assert.ok(isNew || !installed);
    assert.equal(found.stateHash().hash === source.stateHash().hash, isNew);
  }
});

test("torn-snapshot-file: a damaged checkpoint falls back to the one before, cut or flipped", () => {
  const storage = new MemoryStorage();
  const store = openOn(storage);
  applyAll(store, history.slice(0, 3));
  flushNow(store, storage);
  applyAll(store, history.slice(3));
  flushNow(store, storage);
  const newest = storage.list().at(-1)!;
  const size = storage.readAll(newest).length;
  for (let at = 0; at < size; at++) {
    for (const cut of [true, false]) {
      const copy = storage.crash();
      copy.damage(newest, (bytes) => {
        if (cut) return bytes.slice(0, at);
        bytes[at] = bytes[at]! ^ 0x10;
        return bytes;
      });
      const engine = createMemoryEngine({ storage: copy });
      assert.deepEqual(
        engine.damagedCheckpoints.map(({ name }) => name),
        [newest],
      );
      assert.equal(openStore({ engine }).appliedIndex, 3);
    }
  }
});

test("a damaged, missing, repeated or swapped snapshot chunk is refused", () => {
  const source = openStore({ engine: createMemoryEngine() });
  applyAll(source, history);
  const chunks = snapshotOf(source);
  const refuses = (stream: readonly Uint8Array[]): void => {
    const target = openStore({ engine: createMemoryEngine() });
    const writer = target.beginRestore();
    assert.throws(() => {
      for (const chunk of stream) writer.write(chunk);
      writer.finish();
    }, SnapshotDamaged);
    writer.abort();
    assert.equal(target.appliedIndex, 0);
  };
  for (let i = 0; i < chunks.length; i++) {
    refuses(chunks.filter((_chunk, place) => place !== i));
    refuses([...chunks.slice(0, i + 1), ...chunks.slice(i)]);
    for (let at = 0; at < chunks[i]!.length; at++) {
      const damaged = chunks[i]!.slice();
      damaged[at] = damaged[at]! ^ 1;
      refuses(chunks.map((chunk, place) => (place === i ? damaged : chunk)));
    }
  }
});

test("old-snapshot-after-recovery: a restore to an older point outlives newer checkpoints", () => {
  const older = openStore({ engine: createMemoryEngine() });
  applyAll(older, history.slice(0, 2));
  const storage = new MemoryStorage();
  const store = openOn(storage);
  applyAll(store, history);
  flushNow(store, storage);
  const writer = store.beginRestore();
  for (const chunk of snapshotOf(older)) writer.write(chunk);
  writer.finish();
  writer.install((error) => assert.equal(error, undefined));
  storage.run();
  const restarted = openOn(storage.crash());
  assert.equal(restarted.appliedIndex, 2);
  assert.deepEqual(contentOf(restarted), contentOf(older));
});

test("data-gone-on-failover: a member restored from a snapshot is the member it came from", () => {
  const source = openStore({ engine: createMemoryEngine() });
  applyAll(source, [
    ...history,
    { kind: "compact", revision: 3 },
    { kind: "alarm", action: "activate", member: "m1", alarm: "nospace" },
    {
      kind: "publishMember",
      member: "m1",
      name: "one",
      peerUrls: ["http://p"],
      clientUrls: ["http://c"],
      incarnation: "x",
    },
  ]);
  const target = openStore({ engine: createMemoryEngine() });
  applyOne(target, put("stale"));
  const writer = target.beginRestore();
  for (const chunk of snapshotOf(source)) writer.write(chunk);
  assert.equal(writer.finish().index, source.appliedIndex);
  writer.install((error) => assert.equal(error, undefined));
  for (const check of [snapshotOf, contentOf] as const) {
    assert.deepEqual(check(target), check(source));
  }
  assert.deepEqual(target.alarms(), [{ member: "m1", alarm: "nospace" }]);
  assert.deepEqual(target.members(), source.members());
  assert.deepEqual(target.stateHash(), source.stateHash());
  assert.deepEqual(target.hashKv(0), source.hashKv(0));
  const next = txn([compare("a", "version", "equal", 1)], [del("a")], [put("a", "no")]);
  assert.deepEqual(applyOne(target, next), applyOne(source, next));
});

test("writes and compactions during an open snapshot do not change what it yields", () => {
  const [still, busy] = [0, 1].map(() => {
    const store = openStore({ engine: createMemoryEngine() });
    for (let i = 0; i < 3000; i++) applyOne(store, put(`k${i % 700}`, `${i}`.padEnd(300, "x")));
    applyOne(store, { kind: "compact", revision: 1000 });
    return store;
  }) as [OpenedStore, OpenedStore];
  const expected = snapshotOf(still);
  const reader = busy.openSnapshot();
  const chunks: Uint8Array[] = [];
  for (let i = 0; ; i++) {
    const chunk = reader.next();
    if (chunk === undefined) break;
    chunks.push(chunk);
    applyAll(busy, [put(`k${i}`, "later"), del(`k${i + 1}`), put("new")]);
    applyOne(busy, { kind: "compact", revision: busy.revision });
    // The last chunk ends the snapshot.
    if (chunks.length === expected.length) break;
    assert.equal(busy.compactStep(), false, "nothing is removed under a snapshot");
  }
  assert.ok(chunks.length > 4);
  assert.equal(reader.next(), undefined);
  assert.deepEqual(chunks, expected);
  assert.equal(busy.compactionPending, true, "but it is when the snapshot is over");
});
