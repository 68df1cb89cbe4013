// Several reasons may keep a member from leading at once; the core is told when the first comes and when the last is gone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Fitness } from "./fitness.ts";
import type { MemberEvent } from "./ports.ts";
import type { Turn } from "./turn.ts";

function watched() {
  const steps: unknown[] = [];
  const events: MemberEvent[] = [];
  const turn = {
    step: (input: unknown) => steps.push(input),
    observe: (event: MemberEvent) => events.push(event),
  };
  return { steps, events, fitness: new Fitness(turn as unknown as Turn) };
}

test("who has two reasons not to lead may lead when both are gone", () => {
  const { steps, fitness } = watched();
  const unfit = { kind: "fitness", isFit: false };
  fitness.set("diskStalled", true);
  fitness.set("corrupt", true);
  fitness.set("diskStalled", false);
  assert.deepEqual(steps, [unfit]);
  fitness.set("corrupt", false);
  assert.deepEqual(steps, [unfit, { kind: "fitness", isFit: true }]);
});

test("what is said twice changes nothing, and each reason is told once when it comes and once when it goes", () => {
  const { steps, events, fitness } = watched();
  fitness.set("diskStalled", false);
  for (const unfit of [true, true, false, false]) fitness.set("diskStalled", unfit);
  assert.equal(steps.length, 2);
  fitness.set("stopping", true);
  assert.deepEqual(
    events.map(({ kind, level, reason }) => `${kind} ${level} ${reason}`),
    [
      "leadership.unfit warn diskStalled",
      "leadership.fit info diskStalled",
      "leadership.unfit info stopping",
    ],
  );
});
