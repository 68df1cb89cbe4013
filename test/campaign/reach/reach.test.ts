// Counting what plans reach changes nothing of what they do, and knows every role and message that there is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { longPlan } from "../../../packages/consensus/src/testing/long-plan.ts";
import { runRandomPlan } from "../../../packages/consensus/src/testing/random-run.ts";
import { cores, planKinds } from "../plan-kinds.ts";
import { cellsOf, nameOfCell } from "./cells.ts";
import { whyImpossible } from "./impossible.ts";
import { observed, type Reached } from "./observed.ts";

const protocols = ["raft", "paxos", "zab"] as const;
const nothing = (): Reached => ({ cells: {}, effects: {}, reasons: {} });

for (const name of protocols) {
  test(`${name}: a plan goes the same way when somebody counts`, () => {
    const [alone, watched]: [string[], string[]] = [[], []];
    runRandomPlan(cores[name]!, longPlan(3), (line) => alone.push(line));
    runRandomPlan(observed(name, nothing()), longPlan(3), (line) => watched.push(line));
    assert.ok(alone.length > 100);
    assert.deepEqual(watched, alone);
  });

  test(`${name}: what plans reach is on the list, and what cannot be is not reached`, () => {
    const reached = nothing();
    for (const planOf of Object.values(planKinds)) {
      for (let seed = 1; seed <= 3; seed++) runRandomPlan(observed(name, reached), planOf(seed));
    }
    const list = new Map(cellsOf(name).map((cell) => [nameOfCell(cell), cell]));
    const found = Object.keys(reached.cells);
    assert.ok(found.length > 100, `${found.length} cells`);
    assert.deepEqual(
      found.filter((cell) => !list.has(cell)),
      [],
    );
    assert.deepEqual(
      found.filter((cell) => whyImpossible(list.get(cell)!) !== undefined),
      [],
    );
    const times = found.reduce((sum, cell) => sum + reached.cells[cell]!, 0);
    assert.ok(times > 1000 && reached.effects["apply"]! > 100);
  });
}
