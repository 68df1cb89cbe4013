// What counts as a run that proves nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fault } from "../faults/plan.ts";
import { disturbedShare, whyVacuous } from "./work-done.ts";

const options = { tickMs: 10, electionTicks: 10, requestTimeoutMs: 200, safetyMs: 10_000 };
const partition = (atMs: number, forMs: number): Fault => ({
  kind: "partition",
  atMs,
  forMs,
  sides: [[0], [1, 2]],
});
const why = (
  planned: number,
  answered: number,
  faults: readonly Fault[] = [],
  progressDemanded = true,
) => whyVacuous({ planned, answered, progressDemanded }, faults, options)?.property;

test("a run that was hardly answered proves nothing, unless its faults fill the time", () => {
  assert.equal(why(100, 9), "work done");
  assert.equal(why(100, 10), undefined);
  assert.equal(why(16, 2), undefined, "enough of a short plan");
  assert.equal(why(16, 1), "work done");
  assert.equal(why(100, 0, [partition(0, 4000)]), "work done");
  assert.equal(why(100, 0, [partition(0, 4600)]), undefined);
});

test("a run of which no progress was demanded proves nothing, unless disks were lost", () => {
  const wipe: Fault = { kind: "wipe", atMs: 1, target: 0, downMs: 1 };
  assert.equal(why(100, 100, [partition(0, 9000)], false), "work done");
  assert.equal(why(100, 100, [wipe], false), undefined);
});

test("faults that overlap are counted once, and none beyond the end", () => {
  assert.equal(disturbedShare([], options), 0);
  assert.equal(disturbedShare([partition(0, 500), partition(500, 500)], options), 0.15);
  assert.equal(disturbedShare([partition(0, 1500), partition(500, 500)], options), 0.2);
  assert.equal(disturbedShare([partition(9500, 5000)], options), 0.05);
  const clock: Fault = { kind: "clock", atMs: 1, target: 0, rate: 1, wallJumpMs: 5 };
  assert.equal(disturbedShare([clock], options), 0);
});
