import assert from "node:assert/strict";
import { test } from "node:test";
import { TurnByTurn } from "./turn-by-turn.ts";

const turn = () => new Promise((done) => setImmediate(done));

test("one piece of work in a turn, and none for those who have gone", async () => {
  const pace = new TurnByTurn();
  const done: number[] = [];
  const add = (n: number, hasGone: boolean) =>
    pace.add(() => {
      if (!hasGone) done.push(n);
      return !hasGone;
    });
  add(0, false);
  add(1, false);
  // A crowd that was sent away before its turn came.
  for (let n = 2; n < 10_000; n++) add(n, true);
  add(10_000, false);
  add(10_001, false);
  const seen: number[] = [];
  for (let i = 0; i < 4; i++) {
    await turn();
    seen.push(done.length);
  }
  assert.deepEqual(seen, [1, 2, 3, 4]);
  assert.deepEqual(done, [0, 1, 10_000, 10_001]);
});
