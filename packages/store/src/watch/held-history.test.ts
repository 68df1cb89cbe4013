// Whoever follows the store is told everything, although what it has not been handed yet is compacted meanwhile;
// whoever asks for what is compacted is refused as before.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventsRequest, StoreEvent } from "../contract.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { type OpenedStore, openStore } from "../store.ts";
import { del, put, textOf } from "../testing/commands.ts";
import { applyAll, applyOne, compactFully, snapshotOf } from "../testing/driver.ts";
import { WatchHub } from "./watch-hub.ts";
import { Watcher } from "./watcher.ts";

class Follower {
  readonly got: string[] = [];
  compactedAt: number | undefined;
  flows = true;
  events(_watcher: Watcher, _revision: number, events: readonly StoreEvent[]): boolean {
    for (const { type, kv, prevKv } of events) {
      const before = prevKv === undefined ? "" : `, was ${textOf(prevKv.value)}`;
      this.got.push(`${kv.modRevision} ${type} ${kv.key} ${textOf(kv.value)}${before}`);
    }
    return this.flows;
  }
  compacted(_watcher: Watcher, floor: number): void {
    this.compactedAt = floor;
  }
}

function opened(eventsPerPiece = 500) {
  const store = openStore({ engine: createMemoryEngine() });
  const soon: (() => void)[] = [];
  // A piece takes all the time that a turn has.
  let nowMs = 0;
  const read = store.readEvents.bind(store);
  Object.defineProperty(store, "readEvents", {
    value: (request: EventsRequest) => {
      nowMs += 10;
      return read(request);
    },
  });
  const ports = { nowMs: () => nowMs, soon: (run: () => void) => soon.push(run), eventsPerPiece };
  const hub = new WatchHub(store, ports);
  const settle = () => {
    hub.advance();
    for (let run = soon.shift(); run !== undefined; run = soon.shift()) run();
  };
  const follow = (from = store.revision + 1): { follower: Follower; watcher: Watcher } => {
    const follower = new Follower();
    const options = { key: "k", rangeEnd: "l", prevKv: true, puts: true, deletes: true };
    const watcher = new Watcher(1n, options, follower, from);
    hub.add(watcher);
    return { follower, watcher };
  };
  return { store, hub, settle, follow };
}

function compact(store: OpenedStore, revision = store.revision): void {
  applyOne(store, { kind: "compact", revision });
}

test("who follows is handed what was applied in one piece with a compaction", () => {
  const { store, settle, follow } = opened();
  const { follower } = follow();
  applyAll(store, [put("k", "1"), put("k", "2"), del("k"), put("k", "3")]);
  compact(store);
  compactFully(store);
  settle();
  assert.equal(follower.compactedAt, undefined);
  assert.deepEqual(follower.got, [
    "2 put k 1",
    "3 put k 2, was 1",
    "4 delete k , was 2",
    "5 put k 3",
  ]);
  // Then nothing is held any more.
  compactFully(store);
  assert.equal(store.compactionLeft, false);
});

test("it is handed all of it although handing out takes many turns", () => {
  const { store, settle, follow } = opened(2);
  const { follower } = follow();
  for (let i = 0; i < 50; i++) applyOne(store, put("k", `${i}`));
  compact(store);
  compactFully(store);
  applyOne(store, put("k", "50"));
  settle();
  assert.equal(follower.compactedAt, undefined);
  assert.equal(follower.got.length, 51);
  compactFully(store);
  assert.equal(store.compactionLeft, false);
});

test("who is behind, or asks for what is compacted, is told so", () => {
  const { store, hub, settle, follow } = opened();
  const slow = follow();
  slow.follower.flows = false;
  applyOne(store, put("k", "1"));
  settle();
  applyAll(store, [put("k", "2"), put("k", "3")]);
  compact(store);
  settle();
  const late = follow(2);
  hub.resumed(slow.follower);
  settle();
  assert.equal(slow.follower.compactedAt, store.compactRevision);
  assert.deepEqual(slow.follower.got, ["2 put k 1"]);
  assert.equal(late.follower.compactedAt, store.compactRevision);
  compactFully(store);
  assert.equal(store.compactionLeft, false, "they hold nothing");
});

test("a snapshot takes the place of what was held: who has missed something is told so", async () => {
  const { store, settle, follow } = opened();
  const other = openStore({ engine: createMemoryEngine() });
  const { follower } = follow();
  const { follower: current } = follow(10);
  applyAll(other, [put("k", "1"), put("k", "2"), put("k", "3")]);
  compact(other);
  compactFully(other);
  const writer = store.beginRestore();
  for (const chunk of snapshotOf(other)) writer.write(chunk);
  writer.finish();
  await new Promise<void>((done) => writer.install(() => done()));
  settle();
  assert.equal(follower.compactedAt, store.compactRevision);
  assert.equal(current.compactedAt, undefined);
});

test("a follower that left holds nothing", () => {
  const { store, hub, follow } = opened();
  const { watcher } = follow();
  applyAll(store, [put("k", "1"), put("k", "2")]);
  compact(store);
  assert.equal(store.compactionPending, false);
  hub.remove(watcher);
  compactFully(store);
  assert.equal(store.compactionLeft, false);
});
