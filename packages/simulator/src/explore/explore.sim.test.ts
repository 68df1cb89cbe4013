// Everything that can happen within small bounds, to the end. The number of states is fixed: another one
// means that a core does something else, or that the exploration no longer does all that it did.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Bounds, noBounds, tellBounds } from "./bounds.ts";
import { type ExploreOptions, explore } from "./explore.ts";
import { suites } from "./suites.ts";

for (const { protocol, bounds, states } of suites.small) {
  test(`${protocol}: all states within ${tellBounds(bounds)}`, () => {
    const result = explore({ protocol, bounds, statesMax: 2 * states });
    const { broken, script } = result.counterexample ?? { broken: [], script: "" };
    assert.deepEqual(broken, [], script);
    assert.deepEqual([result.isComplete, result.states], [true, states]);
  });
}

/** Bugs put back, with the bounds within which one exploration finds each, and what it says. */
const bugs: readonly [mutant: string, ExploreOptions["protocol"], Partial<Bounds>, RegExp][] = [
  ["vote-in-page-cache", "raft", { terms: 2, crashes: 1 }, /a and b lead in 1\n/],
  ["ack-before-durable", "raft", {}, /a counts on b for 1, which is on no disk there/],
  [
    "commit-of-a-snapshot-not-in-place",
    "raft",
    { entries: 1, crashes: 1, drops: 1, installs: 1 },
    /installing-is-not-committed/,
  ],
  ["paxos-accepted-in-page-cache", "paxos", { entries: 1 }, /which is on no disk there/],
  ["paxos-accept-below-promise", "paxos", { terms: 2, entries: 1 }, /a promise never goes back/],
  [
    "paxos-released-by-any-hand-over",
    "paxos",
    { terms: 2, transfers: 1, beats: 1, leases: 1, delays: 1 },
    /c leads while b holds a lease/,
  ],
  ["stale-read-by-default", "raft", { terms: 2, reads: 1, delays: 1 }, /though more was acted on/],
  [
    "paxos-reads-unconfirmed",
    "paxos",
    { terms: 2, entries: 1, reads: 1, delays: 1 },
    /though more was acted on/,
  ],
  ["zab-ack-before-persist", "zab", { entries: 1 }, /which is on no disk there/],
];

for (const [mutant, protocol, some, says] of bugs) {
  const bounds = { ...noBounds, terms: 1, ...some };
  test(`${mutant} is found within ${tellBounds(bounds)}`, () => {
    const found = exploreMutant(mutant, protocol, bounds);
    assert.match(found, says);
  });
}

/** One order and few delays are worth something if members come to everything that every order leads to. */
const delaysEnough = [
  ["raft", { crashes: 1 }, 2],
  ["paxos", { crashes: 1 }, 2],
  ["zab", {}, 5],
] as const;

for (const [protocol, some, delays] of delaysEnough) {
  test(`${protocol}: ${delays} delays lead each member to all states and steps that every order does`, () => {
    const bounds = { ...noBounds, terms: 1, ...some };
    const every = explore({ protocol, bounds, statesMax: 1e6 });
    const few = explore({ protocol, bounds: { ...bounds, delays }, statesMax: 1e6 });
    assert.deepEqual([every.isComplete, few.isComplete], [true, true]);
    assert.equal(few.memberStates, every.memberStates);
    assert.equal(few.memberSteps, every.memberSteps);
  });
}

test("a bug that is not within the bounds is not found", () => {
  const found = exploreMutant("vote-in-page-cache", "raft", { ...noBounds, terms: 1 });
  assert.match(found, /all of it is explored/);
});

function exploreMutant(mutant: string, protocol: string, bounds: Bounds): string {
  const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const code = `import { runSimulatorCommand } from ${JSON.stringify(file("../cli/index.ts"))};
    await runSimulatorCommand(process.argv.slice(1));`;
  const flags = Object.entries(bounds)
    .filter(([, count]) => Number.isFinite(count))
    .flatMap(([name, count]) => [`--${name}`, `${count}`]);
  const run = spawnSync(
    process.execPath,
    [
      ...["--import", file("../../mutants/patch.ts"), "--input-type=module", "--eval", code, "--"],
      ...["explore", "--protocol", protocol, ...flags],
    ],
    { env: { ...process.env, ALTHING_MUTANT: mutant }, encoding: "utf8" },
  );
  assert.equal(run.stderr, "");
  return run.stdout;
}
