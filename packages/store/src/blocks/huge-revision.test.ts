// One revision with very many records is made ready for the disk in turns, and reaches it in one commit: whatever
// happens between the turns, the disk has all of it or nothing, and what came later comes after it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../testing/random-commands.ts";
import { BlockBuilder } from "./block.ts";
import { BlockEngine } from "./block-engine.ts";
import { LossyFolder } from "./testing/lossy-folder.ts";

const records = 10_000;
const workPerTurn = 500;

/** Records that were put into blocks, ever. */
let added = 0;
const { add } = BlockBuilder.prototype;
BlockBuilder.prototype.add = function (...parts) {
  added++;
  add.apply(this, parts);
};

function opened(seed = 1) {
  const folder = new LossyFolder(createRandom(seed));
  let turns = 0;
  let most = 0;
  const turn = (run: () => void): void => {
    const before = added;
    run();
    if (added > before) turns++;
    most = Math.max(most, added - before);
  };
  const timers = {
    ...folder.timers,
    soon: (run: () => void) => folder.timers.soon(() => turn(run)),
    after: (ms: number, run: () => void) => folder.timers.after(ms, () => turn(run)),
  };
  const settings = { commitDelayMs: 10, cacheBytes: 0, workPerTurn };
  const open = () => new BlockEngine({ folder, timers }, settings);
  return { folder, open, turn, turns: () => turns, most: () => most };
}

function commitAt(engine: BlockEngine, index: number, revision: number): void {
  const { head } = engine;
  engine.commit({ ...head, revision, point: { ...head.point, index } });
}

/** A revision of many records, taken by the engine. */
function deleteMany(engine: BlockEngine): void {
  for (let sub = 0; sub < records; sub++) engine.append(2, sub, Uint8Array.of(sub & 0xff, 1, 2));
  commitAt(engine, 1, 2);
}

function recordsOf(engine: BlockEngine): number {
  let count = 0;
  engine.scan(0, 0, (main, sub, _handle, record) => {
    if (main === 2 && (sub !== count++ || record[0] !== (sub & 0xff))) {
      assert.fail(`${main}.${sub} is the ${count}th`);
    }
    return true;
  });
  return count;
}

function loaded(open: () => BlockEngine): { readonly engine: BlockEngine; readonly found: number } {
  const engine = open();
  let found = 0;
  engine.load(() => found++);
  return { engine, found };
}

test("no turn makes more than its share, and all of it is one commit", () => {
  const { folder, open, turn, turns, most } = opened();
  const engine = open();
  turn(() => deleteMany(engine));
  while (folder.step());
  assert.equal(engine.durable().index, 1);
  assert.ok(most() <= workPerTurn, `${most()} records in one turn`);
  assert.ok(turns() >= records / workPerTurn, `${turns()} turns`);
  folder.crash();
  assert.equal(loaded(open).found, records);
});

test("a crash between any two turns leaves nothing of it, and a replay brings all of it", () => {
  const outcomes = new Set<number>();
  for (let steps = 0; steps < 30; steps++) {
    const { folder, open } = opened(steps);
    const first = open();
    commitAt(first, 0, 1);
    deleteMany(first);
    for (let left = steps; left > 0; left--) folder.step();
    folder.crash();
    const { engine, found } = loaded(open);
    assert.equal(found, engine.head.point.index === 0 ? 0 : records);
    outcomes.add(found);
    if (found === 0) deleteMany(engine);
    while (folder.step());
    assert.equal(recordsOf(engine), records);
    folder.crash();
    assert.equal(loaded(open).found, records);
  }
  assert.deepEqual([...outcomes].sort(), [0, records]);
});

test("what is committed, flushed and removed between the turns comes after it, and reads see all of it", () => {
  const { folder, open } = opened();
  const engine = open();
  deleteMany(engine);
  const flushed: string[] = [];
  let index = 1;
  while (folder.step()) {
    assert.equal(recordsOf(engine), records);
    if (index === 5) continue;
    index++;
    engine.append(index + 1, 0, Uint8Array.of(index));
    commitAt(engine, index, index + 1);
    const asked = index;
    engine.flush((error) => {
      assert.equal(error, undefined);
      assert.ok(engine.durable().index >= asked);
      flushed.push(`${asked}`);
    });
    if (index > 2) engine.remove(index, 0, 0);
  }
  assert.deepEqual(flushed, ["2", "3", "4", "5"]);
  folder.crash();
  const { engine: again, found } = loaded(open);
  assert.equal(again.head.point.index, 5);
  assert.equal(found, records + 1);
});

test("a commit that fails is made again, whole", () => {
  const { folder, open } = opened();
  const engine = open();
  deleteMany(engine);
  const errors: unknown[] = [];
  engine.flush((error) => errors.push(error));
  folder.isFull = true;
  while (errors.length === 0) folder.step();
  folder.isFull = false;
  assert.ok(errors[0] instanceof Error);
  assert.equal(engine.durable().index, 0);
  while (folder.step());
  assert.equal(engine.durable().index, 1);
  folder.crash();
  assert.equal(loaded(open).found, records);
});

test("a close between the turns waits for it", () => {
  const { folder, open } = opened();
  const engine = open();
  deleteMany(engine);
  engine.flush(() => {});
  folder.step();
  let isClosed = false;
  engine.close(() => {
    isClosed = true;
  });
  assert.equal(isClosed, false);
  while (folder.step());
  assert.ok(isClosed);
  folder.crash();
  assert.equal(loaded(open).found, records);
});

test("a snapshot that is installed between the turns takes the place of all of it, after it is written", () => {
  const { folder, open } = opened();
  const engine = open();
  deleteMany(engine);
  engine.flush((error) => assert.equal(error, undefined));
  folder.step();
  const stage = engine.beginRestore();
  stage.append(9, 0, Uint8Array.of(9));
  const head = { ...engine.head, revision: 9, point: { ...engine.head.point, index: 7 } };
  let installed = false;
  stage.install(head, (error) => {
    assert.equal(error, undefined);
    installed = true;
  });
  while (!installed) {
    assert.equal(recordsOf(engine), records);
    assert.ok(folder.step());
  }
  assert.equal(recordsOf(engine), 0);
  while (folder.step());
  assert.deepEqual(folder.names, [folder.current]);
  folder.crash();
  const { engine: again, found } = loaded(open);
  assert.equal(again.head.point.index, 7);
  assert.equal(found, 1);
});
