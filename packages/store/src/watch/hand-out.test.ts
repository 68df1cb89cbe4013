// A revision that touches many watchers is handed out over many turns: everybody has it once, in order, whatever
// happens in between, and nobody is said to be current before.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoreEvent } from "../contract.ts";
import { createMemoryEngine } from "../memory/memory-engine.ts";
import { openStore } from "../store.ts";
import { put } from "../testing/commands.ts";
import { applyAll, applyOne } from "../testing/driver.ts";
import { Watcher, WatchHub } from "./watch-hub.ts";

/** Each thing that a watcher is told takes a tenth of a millisecond. */
function opened() {
  const store = openStore({ engine: createMemoryEngine() });
  const soon: (() => void)[] = [];
  let nowMs = 0;
  let told = 0;
  const hub = new WatchHub(store, { nowMs: () => nowMs, soon: (run) => soon.push(run) });
  const got = new Map<Watcher, string[]>();
  const sink = (flows = () => true) => ({
    events(watcher: Watcher, _revision: number, events: readonly StoreEvent[]): boolean {
      nowMs += 0.1;
      told++;
      got.get(watcher)!.push(events.map(({ kv }) => `${kv.modRevision}${kv.key}`).join());
      return flows();
    },
    compacted: () => assert.fail("nothing is compacted"),
  });
  const watch = (key: string, rangeEnd: string, to = sink()) => {
    const options = { key, rangeEnd, prevKv: false, puts: true, deletes: true };
    const watcher = new Watcher(BigInt(got.size), options, to, store.revision + 1);
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
  return { store, hub, got, sink, watch, turn };
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
