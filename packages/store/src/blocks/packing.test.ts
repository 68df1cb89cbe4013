// Records that are removed here and there leave every block more than half full. Who asks for their space gets it, in
// commits that crash, fail and are read beside like any other.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../testing/random-commands.ts";
import { BlockBuilder } from "./block.ts";
import { BlockEngine } from "./block-engine.ts";
import { LossyFolder } from "./testing/lossy-folder.ts";

const workPerTurn = 100;

function opened(seed: number) {
  const folder = new LossyFolder(createRandom(seed));
  const settings = { commitDelayMs: 10, retryAfterMs: 1000, cacheBytes: 0, workPerTurn };
  const open = () => new BlockEngine({ folder, timers: folder.timers }, settings);
  const settle = () => {
    while (folder.step());
  };
  return { folder, open, settle };
}

function bytesAt(main: number): Uint8Array {
  return new Uint8Array(700 + ((main * 37) % 300)).fill(main & 0xff);
}

function append(engine: BlockEngine, from: number, count: number): void {
  for (let main = from; main < from + count; main++) engine.append(main, 0, bytesAt(main));
  engine.commit({ ...engine.head, revision: from + count - 1 });
}

/** The bytes of each are looked at. */
function scanned(engine: BlockEngine): number[] {
  const found: number[] = [];
  engine.scan(0, 0, (main, _sub, _handle, record) => {
    if (Buffer.compare(record, bytesAt(main)) !== 0) assert.fail(`${main} has other bytes`);
    return found.push(main) > 0;
  });
  return found;
}

function loaded(engine: BlockEngine): number[] {
  const found: number[] = [];
  engine.load((main, _sub, _handle, bytes, start, end) => {
    if (Buffer.compare(bytes.subarray(start, end), bytesAt(main)) !== 0) assert.fail(`${main}`);
    found.push(main);
  });
  return found;
}

function readAll(engine: BlockEngine, mains: readonly number[]): void {
  for (const main of mains) assert.deepEqual(engine.read(main, 0, -1), bytesAt(main));
}

/** Two of five. */
function isRemoved(main: number): boolean {
  return main % 5 < 2;
}

const count = 3000;
const kept = Array.from({ length: count }, (_, i) => i + 2).filter((main) => !isRemoved(main));

function scattered(seed: number) {
  const world = opened(seed);
  const engine = world.open();
  append(engine, 2, count);
  world.settle();
  for (let main = 2; main < 2 + count; main++) if (isRemoved(main)) engine.remove(main, 0, -1);
  world.settle();
  return { ...world, engine };
}

test("the space of records that were removed here and there is free when somebody asks for it", () => {
  const { folder, open, settle, engine } = scattered(1);
  const before = folder.bytesOf("records");
  let answered = false;
  engine.flush((error) => {
    assert.equal(error, undefined);
    answered = true;
  }, true);
  settle();
  assert.ok(answered);
  const after = folder.bytesOf("records");
  assert.ok(after < before * 0.65, `${after} of ${before} bytes are left`);
  assert.equal(folder.bytesOf("removals"), 0);
  assert.deepEqual(scanned(engine), kept);
  readAll(engine, kept);
  folder.crash();
  assert.deepEqual(loaded(open()), kept);
});

test("without anybody who asks they are left where they are", () => {
  const { folder, settle, engine } = scattered(1);
  const before = folder.bytesOf("records");
  engine.flush(() => {});
  append(engine, 2 + count, 1);
  settle();
  assert.ok(folder.bytesOf("records") > before);
});

test("no turn packs more than its share and the neighbours it is at", () => {
  const { folder, engine } = scattered(2);
  const { add } = BlockBuilder.prototype;
  let added = 0;
  BlockBuilder.prototype.add = function (...parts) {
    added++;
    add.apply(this, parts);
  };
  engine.flush(() => {}, true);
  let most = added;
  for (let before = added; folder.step(); before = added) most = Math.max(most, added - before);
  BlockBuilder.prototype.add = add;
  assert.ok(added >= kept.length * 0.9);
  // Of sixteen blocks with at most 11 records each.
  assert.ok(most <= workPerTurn + 16 * 11, `${most} records in one turn`);
});

test("whoever reads beside it finds every record, whenever the disk has it and the engine hears of it", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { folder, engine } = scattered(seed);
    engine.flush((error) => assert.equal(error, undefined), true);
    const one = createRandom(seed);
    while (folder.step()) {
      if (one(4) === 0) assert.deepEqual(scanned(engine), kept);
      for (let i = 0; i < 20; i++) readAll(engine, [kept[one(kept.length)]!]);
    }
  }
});

test("a crash at any moment of it loses no record and brings none back", () => {
  let partly = 0;
  for (let steps = 0; steps < 90; steps += 2) {
    const { folder, open, settle, engine } = scattered(steps);
    const before = folder.bytesOf("records");
    engine.flush(() => {}, true);
    for (let left = steps; left > 0; left--) folder.step();
    folder.crash();
    const again = open();
    assert.deepEqual(loaded(again), kept);
    const between = folder.bytesOf("records");
    again.flush((error) => assert.equal(error, undefined), true);
    settle();
    assert.deepEqual(scanned(again), kept);
    const after = folder.bytesOf("records");
    assert.ok(after < before * 0.65);
    if (between < before && between > after) partly++;
  }
  assert.ok(partly > 0);
});

test("a commit of it that fails leaves all as it was, and is made again", () => {
  const { folder, settle, engine } = scattered(3);
  const before = folder.bytesOf("records");
  const answers: unknown[] = [];
  folder.isFull = true;
  engine.flush((error) => answers.push(error), true);
  while (answers.length === 0) folder.step();
  assert.ok(answers[0] instanceof Error);
  assert.deepEqual(scanned(engine), kept);
  readAll(engine, kept);
  folder.isFull = false;
  settle();
  engine.flush((error) => assert.equal(error, undefined), true);
  settle();
  assert.ok(folder.bytesOf("records") < before * 0.65);
  assert.deepEqual(scanned(engine), kept);
});

test("who asks while a pass is under way has the space of what was removed before he asked", () => {
  const { folder, engine, settle } = scattered(4);
  const before = folder.bytesOf("records");
  engine.flush(() => {}, true);
  while (folder.bytesOf("records") === before) folder.step();
  // Of those that the pass has been over.
  const early = kept.filter((main, i) => main < 600 && i % 3 === 0);
  for (const main of early) engine.remove(main, 0, -1);
  let sizeThen = 0;
  engine.flush((error) => {
    assert.equal(error, undefined);
    sizeThen = folder.bytesOf("records");
  }, true);
  settle();
  const left = kept.filter((main) => !early.includes(main));
  assert.deepEqual(scanned(engine), left);
  let bytes = 0;
  for (const main of left) bytes += 16 + bytesAt(main).length;
  assert.ok(sizeThen < bytes * 1.02, `${sizeThen} for ${bytes}`);
  assert.ok(sizeThen > 0);
});

test("a close ends it between two commits, and a snapshot takes its place", () => {
  for (const closes of [true, false]) {
    const { folder, open, settle, engine } = scattered(5);
    const before = folder.bytesOf("records");
    const answers: unknown[] = [];
    engine.flush((error) => answers.push(error), true);
    folder.step();
    if (closes) {
      let isClosed = false;
      engine.close(() => {
        isClosed = true;
      });
      settle();
      assert.ok(isClosed);
      assert.ok(answers[0] instanceof Error);
      assert.ok(folder.bytesOf("records") > before * 0.65);
      assert.deepEqual(loaded(open()), kept);
    } else {
      const stage = engine.beginRestore();
      stage.append(9, 0, bytesAt(9));
      stage.install({ ...engine.head, revision: 9 }, (error) => assert.equal(error, undefined));
      settle();
      assert.equal(answers.length, 1);
      assert.equal(answers[0], undefined);
      assert.deepEqual(scanned(engine), [9]);
      engine.flush((error) => answers.push(error), true);
      settle();
      assert.equal(answers.length, 2);
      assert.equal(answers[1], undefined);
    }
  }
});

for (let seed = 1; seed <= 30; seed++) {
  test(`puts, removals, flushes, reads and crashes in any order (seed ${seed})`, () => {
    const { folder, open } = opened(seed);
    const random = createRandom(seed + 1000);
    let engine = open();
    let last = 1;
    let alive = new Set<number>();
    let gone = new Set<number>();
    let removed: number[] = [];
    for (let step = 0; step < 600; step++) {
      const choice = random(40);
      if (choice < 6) {
        const added = 1 + random(60);
        append(engine, last + 1, added);
        for (let left = added; left > 0; left--) alive.add(++last);
      } else if (choice < 12) {
        for (const main of alive) {
          if (random(12) > 0) continue;
          alive.delete(main);
          engine.remove(main, 0, -1);
          removed.push(main);
        }
      } else if (choice < 15) {
        const asked = [...removed];
        engine.flush(() => {
          for (const main of asked) gone.add(main);
        }, true);
      } else if (choice < 38) folder.step();
      else if (choice === 38) {
        const found = new Set(scanned(engine));
        for (const main of alive) assert.ok(found.has(main), `${main} is missing`);
      } else {
        folder.crash();
        engine = open();
        const found = loaded(engine);
        const { revision } = engine.head;
        assert.ok(found.every((main) => main <= revision && !gone.has(main)));
        const isFound = new Set(found);
        for (const main of alive) assert.ok(main > revision || isFound.has(main), `${main}`);
        // What was lost is written anew, with the same numbers.
        last = revision;
        alive = isFound;
        gone = new Set([...gone].filter((main) => main <= revision));
        removed = [];
      }
    }
  });
}
