// Shrinking keeps the failure and drops what it does not need.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drawScenario, protocolNamed, shrink } from "./index.ts";

const protocol = protocolNamed("raft");
assert.ok(protocol);

test("disks that lie fail, and few faults are enough to show it", () => {
  let checked = 0;
  for (let seed = 1n; seed < 20n && checked < 1; seed++) {
    const scenario = drawScenario({
      protocol: "raft",
      seed,
      safetyMs: 5000,
      members: 3,
      lyingDisks: true,
      without: ["pause", "partition", "network", "disk", "damage", "clock", "membership"],
    });
    const shrunk = shrink(scenario, { protocol, runsMax: 60 });
    if (shrunk === undefined) continue;
    checked++;
    assert.notEqual(shrunk.result.violation, undefined);
    assert.ok(shrunk.scenario.faults.length <= 3, JSON.stringify(shrunk.scenario.faults));
    assert.ok(shrunk.scenario.operations.length < scenario.operations.length);
  }
  assert.equal(checked, 1, "a canary must fail");
});

test("a run that does not fail is not shrunk", () => {
  const scenario = drawScenario({ protocol: "raft", seed: 3n, safetyMs: 2000, members: 3 });
  assert.equal(shrink(scenario, { protocol, runsMax: 5 }), undefined);
});
