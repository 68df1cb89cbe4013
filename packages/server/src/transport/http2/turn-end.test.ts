import assert from "node:assert/strict";
import { test } from "node:test";
import { type Flushable, flushAtTurnEnd } from "./turn-end.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("what a thousand connections have to say goes out over some turns, each in its order", async () => {
  const flushed: number[] = [];
  const again: Flushable = { isTouched: false, flush: () => flushed.push(-1) };
  const connections = Array.from(
    { length: 200 },
    (_, i): Flushable => ({
      isTouched: false,
      flush() {
        flushed.push(i);
        if (i === 0) flushAtTurnEnd(again);
        const until = performance.now() + 1;
        while (performance.now() < until);
      },
    }),
  );
  for (const one of connections) flushAtTurnEnd(one);
  const perTurn: number[] = [];
  while (flushed.length < 201) {
    const before = flushed.length;
    await turn();
    perTurn.push(flushed.length - before);
  }
  // 200 ms of work in turns of 20: how many went in each depends on what else the machine does.
  assert.ok(perTurn.length > 2, `${perTurn}`);
  assert.deepEqual(flushed, [...connections.keys(), -1]);
  assert.ok(!again.isTouched && connections.every(({ isTouched }) => !isTouched));
});
