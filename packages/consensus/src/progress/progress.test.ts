import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { InFlight } from "./in-flight.ts";
import { Progress } from "./progress.ts";

function replicating(match: number, window = 4): Progress {
  const progress = new Progress("b", match + 1, window);
  progress.acknowledged(match);
  progress.becomeReplicate();
  return progress;
}

test("the window agrees with a naive list", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(fc.nat(6)), (capacity, moves) => {
      const window = new InFlight(capacity);
      let naive: number[] = [];
      let last = 0;
      for (const move of moves) {
        if (move < 4 && !window.isFull) {
          last += 1 + move;
          window.add(last);
          naive.push(last);
        } else {
          const index = last - move;
          window.acknowledge(index);
          naive = naive.filter((end) => end > index);
        }
        assert.equal(window.count, naive.length);
        assert.equal(window.isFull, naive.length === capacity);
      }
      window.clear();
      assert.equal(window.count, 0);
    }),
  );
});

test("a probe is one message; replication is a window of them; a snapshot is none", () => {
  const progress = new Progress("b", 11, 2);
  assert.equal(progress.isPaused(), false);
  progress.sent(12);
  assert.equal(progress.isPaused(), true);
  assert.equal(progress.acknowledged(12), true);
  progress.becomeReplicate();
  assert.equal(progress.next, 13);
  progress.sent(13);
  assert.equal(progress.isPaused(), false);
  progress.sent(14);
  assert.equal(progress.isPaused(), true);
  progress.acknowledged(13);
  assert.equal(progress.isPaused(), false);
  progress.becomeSnapshot();
  assert.equal(progress.isPaused(), true);
  assert.deepEqual(progress.report(), {
    id: "b",
    match: 13,
    next: 15,
    state: "snapshot",
    recentlyActive: false,
  });
});

test("an old acknowledgement moves nothing back", () => {
  const progress = replicating(10);
  assert.equal(progress.acknowledged(7), false);
  assert.equal(progress.match, 10);
});

test("a refusal in replication falls back to a probe where the logs may agree", () => {
  const progress = replicating(10);
  progress.sent(12);
  progress.sent(14);
  assert.equal(progress.refused(14, 11), true);
  assert.deepEqual([progress.state, progress.next, progress.inFlight.count], ["probe", 12, 0]);
});

test("a refusal of what is known to agree, or was never sent, is stale", () => {
  const progress = replicating(10);
  progress.sent(12);
  assert.equal(progress.refused(10, 5), false);
  assert.equal(progress.refused(13, 5), false);
  progress.becomeProbe(12);
  assert.equal(progress.refused(9, 5), false);
  assert.equal(progress.refused(12, 5), false);
  assert.equal(progress.refused(11, 5), true);
  assert.equal(progress.next, 11);
  progress.becomeSnapshot();
  assert.equal(progress.refused(11, 5), false);
});

test("match stays before next, whatever happens", () => {
  const move = fc.tuple(fc.nat(6), fc.nat(12), fc.nat(12));
  fc.assert(
    fc.property(fc.array(move), (moves) => {
      const progress = new Progress("b", 1, 3);
      for (const [kind, one, other] of moves) {
        if (kind === 0) progress.acknowledged(one);
        else if (kind === 1) progress.refused(one, other);
        else if (kind === 2) progress.becomeProbe(one);
        else if (kind === 3) progress.becomeReplicate();
        else if (kind === 4) progress.becomeSnapshot();
        else if (!progress.isPaused()) progress.sent(progress.next + one);
        assert(progress.match < progress.next);
      }
    }),
  );
});
