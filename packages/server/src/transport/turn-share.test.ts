import assert from "node:assert/strict";
import { test } from "node:test";
import { awaitShare, isShareSpent, renewShare, type Sharer } from "./turn-share.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

function work(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test("when a turn's share is used up, who comes waits, and each has its go, a share per turn", async () => {
  renewShare();
  assert.equal(isShareSpent(performance.now()), false);
  work(25);
  assert.equal(isShareSpent(performance.now()), true);
  const done: string[] = [];
  const sharer = (name: string, pieces: number): Sharer => ({
    catchUp() {
      for (; pieces > 0; pieces--) {
        if (isShareSpent(performance.now())) return false;
        work(12);
        done.push(name);
        if (done.length === 3) awaitShare(sharer("c", 1));
      }
      return true;
    },
  });
  awaitShare(sharer("a", 4));
  awaitShare(sharer("b", 1));
  // What ends a turn does not let anybody overtake those that wait.
  renewShare();
  assert.equal(isShareSpent(performance.now()), true);
  const perTurn: number[] = [];
  while (done.length < 6) {
    const before = done.length;
    await turn();
    perTurn.push(done.length - before);
  }
  // Nobody waits for the end of one who has much to say, and whoever comes does not wait for its next go.
  assert.equal(done.join(""), "abacaa");
  assert.ok(Math.max(...perTurn) <= 2, perTurn.join());
});
