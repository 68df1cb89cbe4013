import assert from "node:assert/strict";
import { test } from "node:test";
import { Deadlines } from "./deadlines.ts";

/** A generator of numbers below `limit`, the same for the same seed. */
function randomOf(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % limit;
  };
}

test("the first is the earliest, whatever was set, moved and deleted before", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = randomOf(seed);
    const deadlines = new Deadlines();
    const plain = new Map<bigint, number>();
    for (let step = 0; step < 400; step++) {
      const id = BigInt(random(40));
      if (random(3) === 0) {
        deadlines.delete(id);
        plain.delete(id);
      } else {
        const atMs = random(20);
        deadlines.set(id, atMs);
        plain.set(id, atMs);
      }
      const sorted = [...plain].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
      const first = deadlines.first();
      assert.deepEqual(first && [first.id, first.atMs], sorted[0], `seed ${seed}`);
      assert.equal(deadlines.size, plain.size);
      assert.equal(deadlines.at(id), plain.get(id));
      if (step % 50 === 0)
        assert.deepEqual(
          inOrder(deadlines),
          sorted.map(([key]) => key),
        );
    }
  }
});

test("to move one among a hundred thousand takes a few steps", () => {
  const deadlines = new Deadlines();
  const count = 100_000;
  for (let i = 0; i < count; i++) deadlines.set(BigInt(i), i);
  const stepsMax = 2 * Math.ceil(Math.log2(count)) * 2;
  for (let i = 0; i < count; i += 997) {
    const before = deadlines.steps;
    deadlines.set(BigInt(i), count + i);
    assert.ok(deadlines.steps - before <= stepsMax, `${deadlines.steps - before} steps`);
  }
});

function inOrder(deadlines: Deadlines): bigint[] {
  const all: [bigint, number][] = [];
  deadlines.forEach((id, atMs) => {
    all.push([id, atMs]);
  });
  all.sort(([a, at], [b, bt]) => at - bt || (a < b ? -1 : 1));
  return all.map(([id]) => id);
}
