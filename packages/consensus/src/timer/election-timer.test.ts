import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ElectionTimer } from "./election-timer.ts";

function ticksUntilExpired(timer: ElectionTimer): number {
  let ticks = 0;
  for (; !timer.isExpired; ticks++) timer.tick();
  return ticks;
}

test("each wait is drawn anew from [base, 2 * base)", () => {
  const draws = [0, 0.5, 0.999];
  const timer = new ElectionTimer(10, () => draws.shift()!);
  assert.equal(ticksUntilExpired(timer), 10);
  timer.reset();
  assert.equal(ticksUntilExpired(timer), 15);
  timer.reset();
  assert.equal(ticksUntilExpired(timer), 19);
});

test("a hurried timer expires within the spread, and never later than it would have", () => {
  const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(unit, unit, fc.nat(9), fc.nat(30), (first, second, spread, waited) => {
      const draws = [first, second];
      const timer = new ElectionTimer(10, () => draws.shift()!);
      for (let i = 0; i < waited; i++) timer.tick();
      const before = timer.ticksLeft;
      timer.hurry(spread);
      assert(timer.ticksLeft <= before);
      assert(timer.ticksLeft <= spread + 1);
    }),
  );
});

test("a postponed timer leaves time, and keeps a longer wait", () => {
  const timer = new ElectionTimer(10, () => 0);
  for (let i = 0; i < 9; i++) timer.tick();
  timer.postpone(4);
  assert.equal(timer.ticksLeft, 4);
  timer.postpone(2);
  assert.equal(timer.ticksLeft, 4);
});
