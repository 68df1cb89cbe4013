// Looks for some seconds at what plans and seeds of one protocol reach, and tells it as JSON: the process that a report of
// reach starts for each protocol.

import { crc32 } from "node:zlib";
import { Branches, type Unrun } from "./branches.ts";
import type { Reached } from "./observed.ts";

export interface Look extends Reached {
  readonly protocol: string;
  readonly plans: number;
  readonly seeds: number;
  readonly unrun: Unrun;
}

// Before any code of a core is there.
const branches = new Branches();
const { observed } = await import("./observed.ts");
const { planKinds } = await import("../plan-kinds.ts");
const { runRandomPlan } = await import("../../../packages/consensus/src/testing/random-run.ts");
const { drawScenario, runScenario } = await import("@althing/simulator");

const [protocol = "", seconds = "", seed = ""] = process.argv.slice(2);
const reached: Reached = { cells: {}, effects: {}, reasons: {} };
const core = observed(protocol as "raft", reached);
const end = performance.now() + 1000 * Number(seconds);
const kinds = Object.values(planKinds);
let plans = 0;
let seeds = 0;
let plansMs = 0;
let seedsMs = 0;
while (performance.now() < end) {
  const startedMs = performance.now();
  if (plansMs <= seedsMs) {
    runRandomPlan(core, kinds[plans % kinds.length]!((Number(seed) + plans) >>> 0));
    plans++;
    plansMs += performance.now() - startedMs;
  } else {
    const scenario = drawScenario({
      protocol: protocol as "raft",
      seed: BigInt(seed) + BigInt(seeds),
    });
    const { result, violation } = runScenario(scenario, {
      protocol: core,
      crc32: (bytes, from) => crc32(bytes, from ?? 0),
    });
    if (result !== "pass") throw new Error(`seed ${scenario.seed}: ${violation?.detail}`);
    seeds++;
    seedsMs += performance.now() - startedMs;
  }
}
const look: Look = { protocol, plans, seeds, ...reached, unrun: branches.take() };
console.log(JSON.stringify(look));
