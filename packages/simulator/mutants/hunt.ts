// Runs seeds against the mutant that `patch.ts` put in place, until one of them catches it.

import { parseArguments } from "../src/cli/arguments.ts";
import { runSeed } from "../src/cli/run-seed.ts";
import { mutants } from "./all.ts";

export interface Hunt {
  readonly name: string;
  readonly caught: boolean;
  readonly property: string;
  readonly seeds: number;
  readonly detail: string;
}

const mutant = mutants.find((one) => one.name === process.env["ALTHING_MUTANT"]);
if (mutant === undefined) throw new Error("ALTHING_MUTANT names no mutant");
const args = parseArguments(mutant.flags ?? []);
const seedsMax = mutant.seedsMax ?? 200;
let found: Hunt = { name: mutant.name, caught: false, property: "", seeds: seedsMax, detail: "" };
for (let seed = 1; seed <= seedsMax; seed++) {
  const { violation } = runSeed(args, BigInt(seed), false);
  if (violation === undefined) continue;
  const [detail = ""] = violation.detail.split("\n");
  found = { name: mutant.name, caught: true, property: violation.property, seeds: seed, detail };
  break;
}
process.stdout.write(`${JSON.stringify(found)}\n`);
