import assert from "node:assert/strict";
import { test } from "node:test";
import { DiskJudge } from "./disk-watch.ts";

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
