import assert from "node:assert/strict";
import { test } from "node:test";
import { DiskJudge, DiskWatch } from "./disk-watch.ts";
import { ProcessClock, World } from "./testing/world.ts";

test("disk-stall-leader: a write that takes an election timeout is a stall until the disk answers", () => {
  const judge = new DiskJudge(100);
  const verdicts = [99, 100, 150, 1000, 0].map((ms) => judge.isStalled(ms, 1000 + ms, true));
  assert.deepEqual(verdicts, [false, true, true, true, false]);
});

test("where the disk stays slow leadership is given up ever later, and a calm while forgets it", () => {
  const judge = new DiskJudge(100);
  const patience = (nowMs: number) => {
    for (let ms = 0; ; ms += 50) {
      if (!judge.isStalled(ms, nowMs, true)) continue;
      judge.isStalled(0, nowMs, true);
      return ms;
    }
  };
  assert.deepEqual([1, 2, 3, 4, 5, 6].map(patience), [100, 200, 400, 800, 1600, 1600]);
  assert.equal(patience(70_000), 100);
});

test("a follower's slow disk costs it no patience as a leader", () => {
  const judge = new DiskJudge(100);
  for (let i = 0; i < 5; i++) {
    assert.equal(judge.isStalled(100, i, false), true);
    assert.equal(judge.isStalled(0, i, false), false);
  }
});

test("a verdict stands for as long as the disk is slow, however patient the next one will be", () => {
  const judge = new DiskJudge(100);
  judge.isStalled(100, 1, true);
  judge.isStalled(0, 1, true);
  // It takes 200 ms now, and ends below 100.
  const verdicts = [199, 200, 150, 100, 99, 150].map((ms) => judge.isStalled(ms, 1, true));
  assert.deepEqual(verdicts, [false, true, true, true, false, false]);
});

test("the oldest write under way tells how long the disk has been silent", () => {
  const world = new World();
  const watch = new DiskWatch(new ProcessClock(world));
  assert.deepEqual([watch.stalledMs, watch.underWay], [0, 0]);
  watch.started();
  world.run(30);
  watch.started();
  world.run(20);
  assert.deepEqual([watch.stalledMs, watch.underWay], [50, 2]);
  assert.equal(watch.ended(), 50);
  assert.deepEqual([watch.stalledMs, watch.underWay], [20, 1]);
  assert.equal(watch.ended(), 20);
  assert.deepEqual([watch.stalledMs, watch.underWay], [0, 0]);
  watch.started();
  world.run(5);
  assert.deepEqual([watch.stalledMs, watch.underWay], [5, 1]);
});
