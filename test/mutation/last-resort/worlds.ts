// Some long plans of one core and some worlds of the simulator: what is asked when no test has noticed anything. Fails at the
// first promise that is broken, and where nothing was done.

import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { type Protocol, paxos, raft, zab } from "@althing/consensus";
import { drawScenario, runScenario } from "@althing/simulator";
import { longPlan } from "../../../packages/consensus/src/testing/long-plan.ts";
import { installPlan, runRandomPlan } from "../../../packages/consensus/src/testing/random-run.ts";

const plans = 8;
const seeds = 4;

export function lastResort(name: "raft" | "paxos" | "zab"): void {
  const protocol = ({ raft, paxos, zab } as unknown as Record<string, Protocol>)[name]!;
  test(`${plans} plans of ${name}`, () => {
    for (let seed = 1001; seed <= 1000 + plans; seed++) {
      runRandomPlan(protocol, longPlan(seed));
      runRandomPlan(protocol, installPlan(seed));
    }
  });
  test(`${seeds} worlds of ${name}`, () => {
    for (let seed = 1001n; seed <= 1000n + BigInt(seeds); seed++) {
      const { result, violation } = runScenario(drawScenario({ protocol: name, seed }), {
        protocol: protocol as never,
        crc32: (bytes, start) => crc32(bytes, start ?? 0),
      });
      assert.equal(result, "pass", `seed ${seed}: ${violation?.detail}`);
    }
  });
}
