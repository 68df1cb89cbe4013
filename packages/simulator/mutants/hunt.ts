// Hunts the mutant that `patch.ts` put in place, until one try of its machinery catches it. With
// ALTHING_KEEP=directory a simulated run that did is made small and kept there as a scenario.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { formatScenario, shrink } from "@althing/simulator";
import { parseArguments } from "../src/cli/arguments.ts";
import { checksum, requireProtocol, scenarioOf } from "../src/cli/run-seed.ts";
import { mutants } from "./all.ts";
import { type Finding, machineryOf } from "./machinery.ts";
import type { Mutant } from "./mutant.ts";

export interface Hunt {
  readonly name: string;
  readonly caught: boolean;
  readonly property: string;
  /** What was tried how often, up to the first that broke. */
  readonly tries: string;
  readonly count: number;
  readonly seconds: number;
  readonly detail: string;
}

const mutant = mutants.find((one) => one.name === process.env["ALTHING_MUTANT"]);
if (mutant === undefined) throw new Error("ALTHING_MUTANT names no mutant");
process.stdout.write(`${JSON.stringify(hunt(mutant, process.env["ALTHING_KEEP"]))}\n`);

function hunt(wanted: Mutant, keepIn: string | undefined): Hunt {
  const { tries, budget, run } = machineryOf(wanted);
  const startedMs = performance.now();
  const end = (found: Finding | undefined, count: number): Hunt => {
    const [detail = ""] = (found?.detail ?? "").split("\n");
    const seconds = (performance.now() - startedMs) / 1000;
    const { property = "" } = found ?? {};
    return {
      name: wanted.name,
      caught: found !== undefined,
      property,
      tries,
      count,
      seconds,
      detail,
    };
  };
  for (let number = 1; number <= budget; number++) {
    const found = run(number);
    if (found === undefined) continue;
    if (keepIn !== undefined && tries === "seeds") {
      keepScenario(wanted, scenarioOf(parseArguments(wanted.flags ?? []), BigInt(number)), keepIn);
    }
    return end(found, number);
  }
  return end(undefined, budget);
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
