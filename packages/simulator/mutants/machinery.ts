// Who hunts a mutant. Each machinery tries one thing after the other, none of them made for this mutant, until
// something breaks or its budget is spent.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Protocol, paxos, raft, zab } from "@althing/consensus";
import { parseScenario } from "@althing/simulator";
import { explore, noBounds } from "@althing/simulator/explore";
import { longPlan, midstPlan } from "../../consensus/src/testing/long-plan.ts";
import { installPlan, runRandomPlan } from "../../consensus/src/testing/random-run.ts";
import { parseArguments } from "../src/cli/arguments.ts";
import { runHere, runSeed } from "../src/cli/run-seed.ts";
import type { Mutant } from "./mutant.ts";

export interface Finding {
  readonly property: string;
  readonly detail: string;
}

export interface Machinery {
  /** What one try is called. */
  readonly tries: string;
  readonly budget: number;
  /** The tries are numbered from 1. */
  run(number: number): Finding | undefined;
}

export function machineryOf(mutant: Mutant): Machinery {
  if (mutant.scenario !== undefined) return scenario(mutant.scenario);
  if (mutant.test !== undefined) return testFile(mutant.test);
  if (mutant.explored !== undefined) return exploration(mutant.explored);
  if (mutant.plans !== undefined) return plans(mutant.plans, mutant.seedsMax ?? 600);
  return seeds(mutant.flags ?? [], mutant.seedsMax ?? 200);
}

function seeds(flags: readonly string[], budget: number): Machinery {
  const args = parseArguments(flags);
  return { tries: "seeds", budget, run: (seed) => runSeed(args, BigInt(seed), false).violation };
}

function scenario(file: string): Machinery {
  const url = new URL(`../scenarios/${file}`, import.meta.url);
  const run = () => runHere(parseScenario(readFileSync(url, "utf8")), false).violation;
  return { tries: "scenario", budget: 1, run };
}

const protocols = { raft, paxos, zab } as unknown as Record<string, Protocol>;

const withLeases = (seed: number) => installPlan(seed, { reads: "lease", clockDriftMax: 0.1 });

/** Of all kinds in turns: those that meet what is under way, long ones, those about snapshots. */
const kinds = [longPlan, midstPlan, installPlan, midstPlan, withLeases, midstPlan] as const;

function plans(protocol: string, budget: number): Machinery {
  const run = (number: number): Finding | undefined => {
    const plan = kinds[number % kinds.length]!(number);
    try {
      runRandomPlan(protocols[protocol]!, plan);
      return undefined;
    } catch (error) {
      return { property: "plan", detail: error instanceof Error ? error.message : `${error}` };
    }
  };
  return { tries: "plans", budget, run };
}

function exploration({ protocol, bounds }: NonNullable<Mutant["explored"]>): Machinery {
  const all = { ...noBounds, terms: 1, ...bounds };
  const run = (): Finding | undefined => {
    const found = explore({ protocol, bounds: all, statesMax: 5_000_000 }).counterexample;
    if (found === undefined) return undefined;
    return { property: "exploration", detail: `${found.moves} moves: ${found.broken.join("; ")}` };
  };
  return { tries: "exploration", budget: 1, run };
}

/** A suite of its own room, under the same alteration. */
function testFile(file: string): Machinery {
  const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
  const run = (): Finding | undefined => {
    const args = ["--import", path("./patch.ts"), path(`../../../${file}`)];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
    if (status === 0) return undefined;
    const failed = /^\s*(?:✖|not ok \d+ -) (.*)$/m.exec(stdout)?.[1] ?? `exit code ${status}`;
    return { property: "test", detail: failed };
  };
  return { tries: "suite", budget: 1, run };
}
