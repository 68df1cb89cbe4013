// A revision that touches many watchers is handed out over many turns: everybody has it once, in order, whatever
// happens in between, and nobody is said to be current before.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventsRequest, StoreEvent } from "../contract.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { openStore } from "../store.ts";
import { del, put } from "../testing/commands.ts";
import { applyAll, applyOne } from "../testing/driver.ts";
import { WatchHub } from "./watch-hub.ts";
import { Watcher } from "./watcher.ts";

/** Each thing that a watcher is told takes a tenth of a millisecond. */
function opened() {
  const store = openStore({ engine: createMemoryEngine() });
  const soon: (() => void)[] = [];
  let nowMs = 0;
  let told = 0;
  let reads = 0;
  let toldEvents = 0;
  const readEvents = store.readEvents.bind(store);
  Object.defineProperty(store, "readEvents", {
    value: (request: EventsRequest) => {
      reads++;
      const piece = readEvents(request);
      if (piece.kind === "events") nowMs += piece.events.length / 1000;
      return piece;
    },
  });
  const hub = new WatchHub(store, { nowMs: () => nowMs, soon: (run) => soon.push(run) });
  const got = new Map<Watcher, string[]>();
  const sink = (flows = () => true) => ({
    events(
      watcher: Watcher,
      _revision: number,
      events: readonly StoreEvent[],
      more: boolean,
    ): boolean {
      nowMs += 0.1 + events.length / 1000;
      told++;
      toldEvents += events.length;
      const text = events.map(({ kv }) => `${kv.modRevision}${kv.key}`).join();
      got.get(watcher)!.push(more ? `${text}+` : text);
      return flows();
    },
    compacted: () => assert.fail("nothing is compacted"),
  });
  const watch = (key: string, rangeEnd: string, to = sink(), from = store.revision + 1) => {
    const options = { key, rangeEnd, prevKv: false, puts: true, deletes: true };
    const watcher = new Watcher(BigInt(got.size), options, to, from);
    got.set(watcher, []);
    hub.add(watcher);
    return watcher;
  };
  /** How many were told in the turn. */
  const turn = () => {
    const before = told;
    hub.advance();
    soon.shift()?.();
    return told - before;
  };
  /** What one turn costs: watchers told, events that they were told of, pieces read. */
  const costOfTurn = () => {
    const before = { told, toldEvents, reads };
    turn();
    return {
      told: told - before.told,
      events: toldEvents - before.toldEvents,
      reads: reads - before.reads,
    };
  };
  return { store, hub, got, sink, watch, turn, costOfTurn };
}

test("a revision that touches thousands is handed out in steps, once to each", () => {
  const { store, hub, got, watch, turn } = opened();
  const watchers = Array.from({ length: 3000 }, (_, i) =>
    i % 3 === 0 ? watch("k", "") : watch("a", i % 3 === 1 ? "z" : "\0"),
  );
  applyOne(store, put("k", "1"));
  const first = turn();
  assert.ok(first > 0 && first < 600, `${first} at once`);
  assert.equal(hub.isCurrent(watchers[0]!), false);
  hub.remove(watchers.pop()!);
  const late = watch("k", "");
  applyAll(store, [put("k", "2"), put("m", "3")]);
  while (turn() > 0);
  for (const watcher of watchers) {
    const isSingle = watcher.options.rangeEnd === "";
    assert.deepEqual(got.get(watcher), isSingle ? ["2k", "3k"] : ["2k", "3k", "4m"]);
    assert.ok(hub.isCurrent(watcher));
  }
  assert.deepEqual(got.get(late), ["3k"]);
});

test("who stops reading in the middle of it misses nothing and has nothing twice", () => {
  const { store, hub, got, sink, watch, turn } = opened();
  let left = 70;
  const slow = sink(() => left-- > 0);
  const watchers = Array.from({ length: 1000 }, () => watch("a", "z", slow));
  applyAll(store, [put("k", "1"), put("l", "2")]);
  while (turn() > 0);
  const told = () => watchers.filter((watcher) => got.get(watcher)!.length > 0).length;
  assert.equal(told(), 71);
  left = Number.POSITIVE_INFINITY;
  hub.resumed(slow);
  while (turn() > 0);
  for (const watcher of watchers) assert.equal(got.get(watcher)!.join(), "2k,3l");
});

test("a revision of many events is read and told in pieces, and each watcher is told where it ends", () => {
  const { store, hub, got, watch, costOfTurn } = opened();
  const count = 40_000;
  for (let i = 0; i < count; i++) applyOne(store, put(`k${100_000 + i}`));
  const start = store.revision;
  const all = watch("k", "l");
  const some = watch("k109000", "k110000");
  const one = watch("k139999", "");
  const none = watch("m", "\0");
  applyOne(store, del("k", "l"));
  const late = watch("k", "l");
  let turns = 0;
  while (!hub.isCurrent(all)) {
    const { reads, events } = costOfTurn();
    assert.ok(reads <= 30 && events <= 12_000, `${reads} pieces and ${events} events in one turn`);
    assert.ok(++turns < 100);
  }
  const names = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => `${start + 1}k${100_000 + from + i}`);
  const told = (watcher: Watcher) => got.get(watcher)!.join("").replaceAll("+", ",");
  assert.equal(told(all), names(0, count).join());
  assert.equal(told(some), names(9000, 10_000).join());
  assert.deepEqual(got.get(one), names(count - 1, count));
  assert.deepEqual([got.get(none), got.get(late)], [[], []]);
  const pieces = got.get(all)!;
  assert.ok(pieces.length > 10);
  assert.ok(pieces.every((piece, i) => piece.endsWith("+") === i < pieces.length - 1));
});

test("who catches up reads a revision of many events in pieces, and it is held for it meanwhile", () => {
  const { store, hub, got, sink, watch, turn, costOfTurn } = opened();
  const count = 20_000;
  for (let i = 0; i < count; i++) applyOne(store, put(`k${100_000 + i}`));
  const start = store.revision;
  applyOne(store, del("k", "l"));
  const watcher = watch("k", "l", sink(), start + 1);
  const pieces = got.get(watcher)!;
  for (let turns = 0; pieces.length < 4; turns++) {
    const { reads } = costOfTurn();
    assert.ok(reads <= 30, `${reads} pieces in one turn`);
    assert.ok(turns < 100);
  }
  assert.ok(pieces.length < 35);
  applyAll(store, [put("a"), put("a"), { kind: "compact", revision: store.revision + 1 }]);
  while (store.compactStep());
  while (!hub.isCurrent(watcher)) turn();
  const told = pieces.join("").replaceAll("+", ",").split(",");
  assert.equal(told.length, count);
  assert.ok(pieces.every((piece, i) => piece.endsWith("+") === i < pieces.length - 1));
  while (store.compactStep());
  assert.equal(store.compactionLeft, false, "then nothing is held any more");
});

test("thousands that one client left behind read history once in a turn, and nobody looks at those that wait", () => {
  const { store, hub, got, sink, watch, turn, costOfTurn } = opened();
  let flows = false;
  const slow = sink(() => flows);
  const watchers = Array.from({ length: 5000 }, () => watch("k", "", slow));
  applyAll(store, [put("k", "1"), put("a", "2"), put("k", "3")]);
  turn();
  assert.equal(hub.slowWatchers, 5000);
  assert.deepEqual(costOfTurn(), { told: 0, events: 0, reads: 0 });
  flows = true;
  hub.resumed(slow);
  for (let turns = 0; hub.slowWatchers > 0; turns++) {
    const { reads, told } = costOfTurn();
    assert.ok(reads <= 2 && told <= 200, `${reads} pieces, ${told} told in one turn`);
    assert.ok(turns < 500);
  }
  for (const watcher of watchers) assert.equal(got.get(watcher)!.join(), "2k,4k");
});
