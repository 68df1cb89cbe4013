// Runs seeds against the mutant that `patch.ts` put in place, until one of them catches it. With
// ALTHING_KEEP=directory the run that did is made small and kept there as a scenario.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Protocol, paxos, raft, type Violation, zab } from "@althing/consensus";
import { formatScenario, parseScenario, shrink } from "@althing/simulator";
import { longPlan } from "../../consensus/src/testing/long-plan.ts";
import { installPlan, runRandomPlan } from "../../consensus/src/testing/random-run.ts";
import { parseArguments } from "../src/cli/arguments.ts";
import { checksum, requireProtocol, runHere, runSeed, scenarioOf } from "../src/cli/run-seed.ts";
import { mutants } from "./all.ts";
import type { Mutant } from "./mutant.ts";

export interface Hunt {
  readonly name: string;
  readonly caught: boolean;
  readonly property: string;
  readonly seeds: number;
  readonly detail: string;
}

const mutant = mutants.find((one) => one.name === process.env["ALTHING_MUTANT"]);
if (mutant === undefined) throw new Error("ALTHING_MUTANT names no mutant");
process.stdout.write(`${JSON.stringify(hunt(mutant, process.env["ALTHING_KEEP"]))}\n`);

function hunt(wanted: Mutant, keepIn: string | undefined): Hunt {
  const { name } = wanted;
  const args = parseArguments(wanted.flags ?? []);
  if (wanted.scenario !== undefined) return hunted(name, runKept(wanted.scenario), 0);
  const seedsMax = wanted.seedsMax ?? 200;
  if (wanted.plans !== undefined) return huntByPlans(wanted, wanted.plans, seedsMax);
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { violation } = runSeed(args, BigInt(seed), false);
    if (violation === undefined) continue;
    if (keepIn !== undefined) keepScenario(wanted, scenarioOf(args, BigInt(seed)), keepIn);
    return hunted(name, violation, seed);
  }
  return hunted(name, undefined, seedsMax);
}

function huntByPlans(
  { name, ofInstalls }: Mutant,
  protocol: "raft" | "paxos" | "zab",
  seedsMax: number,
): Hunt {
  const cores = { raft, paxos, zab } as unknown as Record<string, Protocol>;
  for (let seed = 1; seed <= seedsMax; seed++) {
    try {
      runRandomPlan(cores[protocol]!, ofInstalls ? installPlan(seed) : longPlan(seed));
    } catch (error) {
      const detail = error instanceof Error ? error.message : `${error}`;
      return hunted(name, { property: "long plan", detail }, seed);
    }
  }
  return hunted(name, undefined, seedsMax);
}

function hunted(name: string, violation: Violation | undefined, seeds: number): Hunt {
  if (violation === undefined) return { name, caught: false, property: "", seeds, detail: "" };
  const [detail = ""] = violation.detail.split("\n");
  return { name, caught: true, property: violation.property, seeds, detail };
}

function runKept(file: string): Violation | undefined {
  const text = readFileSync(new URL(`../scenarios/${file}`, import.meta.url), "utf8");
  return runHere(parseScenario(text), false).violation;
}

function keepScenario(
  wanted: Mutant,
  scenario: ReturnType<typeof scenarioOf>,
  directory: string,
): void {
  const protocol = requireProtocol(scenario);
  const shrunk = shrink(scenario, { protocol, runsMax: 250, crc32: checksum });
  if (shrunk === undefined) return;
  mkdirSync(directory, { recursive: true });
  const property = shrunk.result.violation?.property ?? "";
  const text = formatScenario({
    ...shrunk.scenario,
    name: wanted.name,
    about: `Breaks "${property}" where ${wanted.about}.`,
  });
  writeFileSync(join(directory, `${wanted.name}.json`), text);
}
