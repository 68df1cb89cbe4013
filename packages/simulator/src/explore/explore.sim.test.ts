// Everything that can happen within small bounds, to the end. The number of states is fixed: another one
// means that a core does something else, or that the exploration no longer does all that it did.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Bounds } from "./bounds.ts";
import { type ExploreOptions, explore } from "./explore.ts";

const nothing: Bounds = {
  members: 3,
  terms: 1,
  entries: 0,
  crashes: 0,
  drops: 0,
  installs: 0,
  memberships: 0,
  transfers: 0,
  beats: 0,
};

const explored: readonly [ExploreOptions["protocol"], Partial<Bounds>, states: number][] = [
  ["raft", { entries: 1, crashes: 1, drops: 1 }, 148996],
  ["raft", { entries: 1, drops: 1, installs: 1 }, 42139],
  ["raft", { transfers: 1 }, 197281],
  ["raft", { memberships: 1 }, 7243],
  ["raft", { terms: 2 }, 679144],
  ["paxos", { entries: 1, crashes: 1, drops: 1 }, 92071],
  ["paxos", { entries: 1, drops: 1, installs: 1 }, 23125],
  ["paxos", { transfers: 1 }, 16681],
  ["paxos", { terms: 2 }, 292710],
  ["zab", { entries: 1 }, 197155],
];

for (const [protocol, some, states] of explored) {
  test(`${protocol}: all states within ${describe(some)}`, () => {
    const bounds = { ...nothing, ...some };
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
  ["zab-ack-before-persist", "zab", { entries: 1 }, /which is on no disk there/],
];

for (const [mutant, protocol, some, says] of bugs) {
  test(`${mutant} is found within ${describe({ ...some })}`, () => {
    const found = exploreMutant(mutant, protocol, { ...nothing, ...some });
    assert.match(found, says);
  });
}

test("a bug that is not within the bounds is not found", () => {
  const found = exploreMutant("vote-in-page-cache", "raft", nothing);
  assert.match(found, /all of it is explored/);
});

function exploreMutant(mutant: string, protocol: string, bounds: Bounds): string {
  const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const code = `import { runSimulatorCommand } from ${JSON.stringify(file("../cli/index.ts"))};
    await runSimulatorCommand(process.argv.slice(1));`;
  const flags = Object.entries(bounds).flatMap(([name, count]) => [`--${name}`, `${count}`]);
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

function describe(bounds: Partial<Bounds>): string {
  return Object.entries(bounds)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}
