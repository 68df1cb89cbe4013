import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../testing/random-commands.ts";
import { KeyTree } from "./key-tree.ts";

function set(tree: KeyTree, key: string, head: number): void {
  tree.locate(key);
  tree.assign(head);
}

test("random insertions, changes and removals agree with a sorted list", () => {
  const random = createRandom(11);
  const tree = new KeyTree();
  const model = new Map<string, number>();
  for (let step = 1; step <= 30_000; step++) {
    const key = String.fromCharCode(random(256), random(40), random(3));
    const growing = Math.floor(step / 6000) % 2 === 0;
    if (random(10) < (growing ? 7 : 2)) {
      const head = random(4) === 0 ? -step : step;
      set(tree, key, head);
      model.set(key, head);
    } else {
      const victim = growing ? key : (model.keys().next().value ?? key);
      tree.delete(victim);
      model.delete(victim);
    }
    assert.equal(tree.find(key), model.get(key) ?? 0);
    if (step % 3000 !== 0) continue;
    tree.checkInvariants();
    const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
    const start = String.fromCharCode(random(200));
    const end = random(3) === 0 ? undefined : String.fromCharCode(random(256));
    const inside = sorted.filter(([k]) => k >= start && (end === undefined || k < end));
    const up: [string, number][] = [];
    tree.ascend(start, end, (head, at) => up.push([tree.key(at), head]) > 0);
    const down: [string, number][] = [];
    tree.descend(start, end, (head, at) => down.push([tree.key(at), head]) > 0);
    assert.deepEqual(up, inside);
    assert.deepEqual(down.reverse(), inside);
    assert.equal(tree.countLive(start, end), inside.filter(([, head]) => head > 0).length);
    assert.equal(tree.size, model.size);
  }
  for (const key of model.keys()) tree.delete(key);
  tree.checkInvariants();
  assert.deepEqual([tree.size, tree.live], [0, 0]);
});

test("new heads for the live keys of a range leave the tree as setting each by itself does", () => {
  const random = createRandom(13);
  const bounds = Array.from({ length: 40 }, () => String.fromCharCode(random(200), random(40)));
  for (const start of bounds) {
    const tree = new KeyTree();
    const alone = new KeyTree();
    for (let step = 1; step <= 2000; step++) {
      const key = String.fromCharCode(random(200), random(40), random(3));
      const head = random(4) === 0 ? -step : step;
      set(tree, key, head);
      set(alone, key, head);
    }
    const end = random(4) === 0 ? undefined : String.fromCharCode(random(256));
    const seen: [string, number][] = [];
    tree.replaceLive(start, end, (head, bytes, from, to) => {
      seen.push([Buffer.from(bytes.subarray(from, to)).toString("latin1"), head]);
      return head % 3 === 0 ? head + 1 : -head;
    });
    const live: [string, number][] = [];
    alone.ascend(start, end, (head, at) => head < 0 || live.push([alone.key(at), head]) > 0);
    assert.deepEqual(seen, live);
    for (const [key, head] of live) set(alone, key, head % 3 === 0 ? head + 1 : -head);
    tree.checkInvariants();
    assert.deepEqual(entriesOf(tree), entriesOf(alone));
  }
});

function entriesOf(tree: KeyTree): [string, number][] {
  const entries: [string, number][] = [];
  tree.ascend("", undefined, (head, at) => entries.push([tree.key(at), head]) > 0);
  return entries;
}

test("ascending keys fill their leaves", () => {
  const tree = new KeyTree();
  for (let i = 1; i <= 10_000; i++) set(tree, String(i).padStart(8, "0"), i);
  tree.checkInvariants();
  assert.equal(tree.countLive("00000100", "00000200"), 100);
});

test("keys that come and go leave no room behind", () => {
  const random = createRandom(12);
  const tree = new KeyTree();
  let afterFirst = 0;
  for (let round = 0; round < 60; round++) {
    const keys = new Set<string>();
    while (keys.size < 2500) keys.add(String(random(100_000_000)).padStart(40, "k"));
    for (const key of keys) set(tree, key, 1);
    for (const key of keys) tree.delete(key);
    assert.equal(tree.size, 0);
    if (round === 2) afterFirst = tree.keyBytes;
  }
  assert.equal(tree.keyBytes, afterFirst);
});
