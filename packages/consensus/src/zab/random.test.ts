// A quick net under the core: random faults in small clusters, with the invariants checked after
// every step. The long search is the simulator's.

import { test } from "node:test";
import fc from "fast-check";
import { runRandomPlan } from "../testing/random-run.ts";
import { zab } from "./zab.ts";

const moves = fc.array(fc.tuple(fc.nat({ max: 23 }), fc.nat({ max: 6 }), fc.nat({ max: 1023 })), {
  minLength: 20,
  maxLength: 300,
  size: "max",
});
const shape = {
  voters: fc.integer({ min: 1, max: 5 }),
  learners: fc.integer({ min: 0, max: 1 }),
  seed: fc.integer(),
  moves,
};
const limits = { messageBytesMax: 3, messagesInFlightMax: 2, uncommittedBytesMax: 40 };
const numRuns = Number(process.env["RUNS"] ?? 60);

test("a cluster under random faults is safe, and goes on once it is healed", () => {
  const plan = fc.record({
    ...shape,
    core: fc.constant({ limits }),
    withMembership: fc.constant(false),
  });
  fc.assert(
    fc.property(plan, (p) => void runRandomPlan(zab, p)),
    { numRuns },
  );
});

test("the same while its membership changes", () => {
  const plan = fc.record({ ...shape, core: fc.constant({}), withMembership: fc.constant(true) });
  fc.assert(
    fc.property(plan, (p) => void runRandomPlan(zab, p)),
    { numRuns },
  );
});

test("the same with reads from a lease, while clocks drift within the bound", () => {
  const plan = fc.record({
    ...shape,
    core: fc.constant({ reads: "lease" as const, clockDriftMax: 0.1 }),
    withMembership: fc.boolean(),
    clockDrift: fc.constant(0.09),
  });
  fc.assert(
    fc.property(plan, (p) => void runRandomPlan(zab, p)),
    { numRuns },
  );
});
