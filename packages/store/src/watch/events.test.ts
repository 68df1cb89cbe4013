import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventsRequest, EventsResult } from "../contract.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { type OpenedStore, openStore } from "../store.ts";
import { del, put, textOf, txn } from "../testing/commands.ts";
import { applyAll, applyOne, compactFully } from "../testing/driver.ts";

function opened(): OpenedStore {
  return openStore({ engine: createMemoryEngine() });
}

function read(store: OpenedStore, more: Partial<EventsRequest> = {}): EventsResult {
  const result = store.readEvents({
    key: "\0",
    rangeEnd: "\0",
    fromRevision: 1,
    prevKv: true,
    eventsMax: 1000,
    ...more,
  });
  assert.ok(result.kind === "events");
  return result;
}

function lines(result: EventsResult): string[] {
  return result.events.map(({ type, kv, prevKv }) => {
    const before = prevKv === undefined ? "" : `, was ${textOf(prevKv.value)}`;
    return `${kv.modRevision} ${type} ${kv.key} ${textOf(kv.value)}${before}`;
  });
}

test("events come in the order of execution, with what was before", () => {
  const store = opened();
  applyAll(store, [
    put("b", "1"),
    txn([], [put("c", "2"), put("a", "3"), put("b", "4")]),
    del("a", "z"),
    put("b", "5"),
  ]);
  assert.deepEqual(lines(read(store)), [
    "2 put b 1",
    "3 put c 2",
    "3 put a 3",
    "3 put b 4, was 1",
    "4 delete a , was 3",
    "4 delete b , was 4",
    "4 delete c , was 2",
    "5 put b 5",
  ]);
  assert.deepEqual(lines(read(store, { key: "c", rangeEnd: "", fromRevision: 4, prevKv: false })), [
    "4 delete c ",
  ]);
});

test("a piece ends between revisions, whatever its bound", () => {
  const store = opened();
  applyAll(store, [put("a"), txn([], [put("b"), put("c"), put("d")]), put("e")]);
  const first = read(store, { eventsMax: 2 });
  assert.deepEqual([first.events.length, first.nextRevision], [4, 4]);
  const second = read(store, { eventsMax: 2, fromRevision: 4 });
  assert.deepEqual([second.events.length, second.nextRevision], [1, 5]);
  const third = read(store, { fromRevision: 5 });
  assert.deepEqual(third, { kind: "events", events: [], nextRevision: 5, nextPart: 0 });
});

test("who can put a revision together reads it in parts, which are all of it and in order", () => {
  const store = opened();
  const keys = Array.from({ length: 25 }, (_, i) => `k${10 + i}`);
  applyAll(store, [put("a"), ...keys.map((key) => put(key)), del("k", "l"), put("z")]);
  const whole = lines(read(store, { eventsMax: 1000 }));
  for (const eventsMax of [1, 2, 7, 26]) {
    const parts: string[] = [];
    let fromRevision = 1;
    let fromPart = 0;
    while (fromRevision <= store.revision) {
      const piece = read(store, { eventsMax, fromRevision, fromPart });
      assert.ok(piece.events.length <= eventsMax, `${piece.events.length} at once`);
      parts.push(...lines(piece));
      fromRevision = piece.nextRevision;
      fromPart = piece.nextPart;
    }
    assert.deepEqual(parts, whole);
  }
});

test("a piece holds some megabytes at most, with what was before, or one revision", () => {
  const store = opened();
  const value = new Uint8Array(1_000_000);
  for (let i = 0; i < 20; i++) applyOne(store, put("large", "", { value }));
  let fromRevision = 1;
  const sizes: number[] = [];
  while (fromRevision <= store.revision) {
    const { events, nextRevision } = read(store, { fromRevision });
    sizes.push(events.length);
    fromRevision = nextRevision;
  }
  assert.ok(
    sizes.every((size) => size <= 5),
    String(sizes),
  );
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    20,
  );
  assert.ok(read(store, { prevKv: false }).events.length > sizes[1]!, "they are paid for");
});

test("a piece is bounded although nothing in it matches", () => {
  const store = opened();
  for (let i = 0; i < 10_000; i++) applyOne(store, put(`k${i % 100}`));
  applyOne(store, put("wanted"));
  let fromRevision = 1;
  let pieces = 0;
  const found: string[] = [];
  while (fromRevision <= store.revision) {
    const piece = read(store, { key: "wanted", rangeEnd: "", fromRevision });
    assert.ok(piece.nextRevision - fromRevision <= 4001);
    found.push(...lines(piece));
    fromRevision = piece.nextRevision;
    pieces++;
  }
  assert.deepEqual([found, pieces], [["10002 put wanted "], 3]);
});

test("below the floor it says compacted; at the floor all is there but what came before", () => {
  const store = opened();
  applyAll(store, [put("a", "1"), put("b", "2"), del("a"), put("b", "3")]);
  applyOne(store, { kind: "compact", revision: 4 });
  const check = (): void => {
    assert.deepEqual(
      store.readEvents({
        key: "a",
        rangeEnd: "",
        fromRevision: 3,
        prevKv: false,
        eventsMax: 10,
      }),
      { kind: "error", revision: 5, code: "compacted" },
    );
    assert.deepEqual(lines(read(store, { fromRevision: 4 })), ["4 delete a ", "5 put b 3, was 2"]);
  };
  check();
  compactFully(store);
  check();
});

test("at the floor a change undone within its revision is not seen, compacted yet or not", () => {
  const store = opened();
  // A delete of an open range may follow a put of one of its keys.
  applyAll(store, [put("a", "1"), txn([], [put("a", "2"), del("a", "\0")]), put("b", "3")]);
  const all = ["3 put a 2, was 1", "3 delete a , was 1", "4 put b 3"];
  assert.deepEqual(lines(read(store, { fromRevision: 3 })), all);
  applyOne(store, { kind: "compact", revision: 3 });
  const check = (): void => {
    assert.deepEqual(lines(read(store, { fromRevision: 3 })), ["3 delete a ", "4 put b 3"]);
  };
  check();
  compactFully(store);
  check();
});
