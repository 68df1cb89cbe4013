// What is known once is known for good, also when the table grows; and what the chance of a mistake is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Level, Ways } from "./frontier.ts";
import { collisionChance, Visited } from "./visited.ts";

const count = 200_000;
const rowOf = (i: number) => Int32Array.of(i % 7, i >> 3, i & 1023, 5);
/** Different numbers, some of which make the same row. */
const different = new Set(Array.from({ length: count }, (_, i) => rowOf(i).join())).size;

test("each row counts once, however many there are", () => {
  const visited = new Visited();
  let added = 0;
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < count; i++) if (visited.add(rowOf(i))) added++;
  }
  assert.equal(added, different);
  assert.equal(visited.count, different);
});

test("rows that differ in one number anywhere are two", () => {
  const visited = new Visited();
  const row = new Int32Array(14);
  assert(visited.add(row));
  for (let place = 0; place < row.length; place++) {
    for (let bit = 0; bit < 32; bit++) {
      const other = row.slice();
      other[place] = 1 << bit;
      assert(visited.add(other), `place ${place}, bit ${bit}`);
    }
  }
});

test("the chance of a mistake grows with the square of the states", () => {
  assert(collisionChance(1_000_000) < 1e-7);
  assert(collisionChance(1_000_000_000) > 0.01);
});

test("a level gives back its rows in order, across pieces", () => {
  const level = new Level(4);
  for (let i = 0; i < count; i++) level.push(rowOf(i));
  const row = new Int32Array(4);
  for (let i = 0; i < count; i++) {
    level.take(i, row);
    assert.deepEqual(row, rowOf(i));
  }
});

test("a way is the places of the moves that led there", () => {
  const ways = new Ways();
  ways.add(0, 0);
  for (let i = 1; i <= count; i++) ways.add(i >> 1, i & 1);
  assert.deepEqual(ways.to(0b1011), [1, 0, 1, 1]);
  assert.throws(() => ways.add(0, 256), /more moves than a way can tell apart/);
});
