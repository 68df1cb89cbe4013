import assert from "node:assert/strict";
import { test } from "node:test";
import { ProcessClock, World } from "./testing/world.ts";
import { Ticker } from "./ticker.ts";

function ticking() {
  const world = new World();
  const clock = new ProcessClock(world);
  const seen: string[] = [];
  const ticker = new Ticker(clock, 10, (lateMs) => seen.push(lateMs >= 10 ? "late tick" : "tick"));
  ticker.start();
  return { world, clock, seen, ticker };
}

test("a tick comes once per length of a tick", () => {
  const { world, seen } = ticking();
  world.run(1005);
  assert.equal(seen.length, 100);
  assert.deepEqual(new Set(seen), new Set(["tick"]));
});

test("starved-loop-term-storm: after a stall comes the inbox, what it causes, then one tick", () => {
  const { world, clock, seen } = ticking();
  clock.stalledUntilMs = 500;
  for (const atMs of [100, 200, 499]) {
    world.at(atMs, () =>
      clock.inLoop(() => {
        seen.push("input");
        clock.soon(() => seen.push("answer"));
      }),
    );
  }
  world.run(505);
  assert.deepEqual(seen, ["input", "input", "input", "answer", "answer", "answer", "late tick"]);
  world.run(100);
  assert.deepEqual(seen.slice(7), Array(10).fill("tick"));
});

test("once stopped it is silent", () => {
  const { world, seen, ticker } = ticking();
  world.run(5);
  ticker.stop();
  world.run(100);
  assert.deepEqual(seen, []);
});
