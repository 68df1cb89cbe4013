import assert from "node:assert/strict";
import { test } from "node:test";
import { createMonotonic, createSystemClock } from "./system-clock.ts";

function sources() {
  const at = { monotonic: 1_000, wall: 5_000_000, boot: 90_000 };
  return {
    at,
    pass(ms: number) {
      at.monotonic += ms;
      at.wall += ms;
      at.boot += ms;
    },
    monotonicMs: () => at.monotonic,
    wallMs: () => at.wall,
    sinceBootMs: () => at.boot,
  };
}

test("monotonic time counts the time the machine was asleep", () => {
  const world = sources();
  const now = createMonotonic(world);
  assert.equal(now(), 1_000);
  world.at.wall += 60_000;
  world.at.boot += 60_000;
  world.pass(5);
  assert.equal(now(), 61_005);
  world.pass(10);
  assert.equal(now(), 61_015);
});

test("setting the wall clock moves nothing", () => {
  const world = sources();
  const now = createMonotonic(world);
  world.at.wall += 3_600_000;
  world.pass(7);
  assert.equal(now(), 1_007);
  world.at.wall -= 7_200_000;
  world.pass(3);
  assert.equal(now(), 1_010);
});

test("monotonic time never goes back, even when a source does", () => {
  const world = sources();
  const now = createMonotonic(world);
  world.pass(100);
  assert.equal(now(), 1_100);
  world.at.monotonic -= 50;
  assert.equal(now(), 1_100);
});

test("soon runs after the inputs of this turn, after can be cancelled", async () => {
  const clock = createSystemClock();
  const order: string[] = [];
  const cancelled = clock.after(1, () => order.push("cancelled"));
  await new Promise<void>((resolve) => {
    clock.soon(() => {
      order.push("soon");
      clock.after(5, resolve);
    });
    process.nextTick(() => order.push("tick"));
    queueMicrotask(() => order.push("microtask"));
    cancelled();
  });
  assert.equal(order.pop(), "soon");
  assert.deepEqual(order.sort(), ["microtask", "tick"]);
});
