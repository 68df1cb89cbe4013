// Events run in the order of their time and, within an instant, of their scheduling; a process runs
// nothing while it is stalled and nothing of an earlier life.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../random/prng.ts";
import { MachineClock } from "./clock.ts";
import { EventQueue } from "./queue.ts";
import { Turns, World } from "./world.ts";

const never = (): boolean => false;

test("the queue yields what a stable sort yields", () => {
  const prng = new Prng(5, 6);
  const queue = new EventQueue<number>();
  const all: { time: number; id: number }[] = [];
  const out: number[] = [];
  let taken = 0;
  for (let id = 0; id < 20_000; id++) {
    const time = taken + prng.below(50);
    all.push({ time, id });
    queue.push(time, id);
    if (prng.chance(0.4)) {
      taken = queue.nextTime;
      out.push(queue.pop() as number);
    }
  }
  while (queue.size > 0) out.push(queue.pop() as number);
  const sorted = all.sort((left, right) => left.time - right.time || left.id - right.id);
  assert.deepEqual(
    out,
    sorted.map(({ id }) => id),
  );
});

test("a stalled process handles everything afterwards, timers first when asked", () => {
  const world = new World();
  const turns = new Turns();
  const seen: string[] = [];
  world.at(10, turns, () => seen.push(`message at ${world.now}`));
  world.timer(20, turns, () => seen.push(`timer at ${world.now}`));
  turns.timersFirst = true;
  world.stall(turns, 100);
  world.runUntil(200, never);
  assert.deepEqual(seen, ["timer at 100", "message at 100"]);
});

test("what was scheduled for an earlier life never runs, nor what was cancelled", () => {
  const world = new World();
  const turns = new Turns();
  let ran = 0;
  world.at(10, turns, () => ran++);
  world.at(10, undefined, () => ran++).cancelled = true;
  turns.generation++;
  world.runUntil(100, never);
  assert.equal(ran, 0);
  assert.equal(world.now, 100);
});

test("a busy process takes what has come in one turn, then is deaf for its length", () => {
  const world = new World();
  const turns = new Turns();
  turns.turnCost = 50;
  const seen: number[] = [];
  for (const at of [0, 10, 20, 60, 70]) world.at(at, turns, () => seen.push(world.now));
  world.runUntil(1000, never);
  assert.deepEqual(seen, [0, 50, 50, 100, 100]);
});

test("a monotonic clock drifts and never goes back; a wall clock may jump", () => {
  const world = new World();
  const clock = new MachineClock(world, 1.1, 0);
  const wall = clock.wallMs();
  world.runUntil(1_000_000, never);
  assert.equal(clock.monotonicMs(), 1100);
  clock.setRate(0.5);
  assert.equal(clock.monotonicMs(), 1100);
  world.runUntil(2_000_000, never);
  assert.equal(clock.monotonicMs(), 1600);
  clock.wallOffsetMs -= 5000;
  assert.equal(clock.wallMs() - wall, -3400);
});
