// Bugs that are known, put back one at a time, in an order that the seed draws. One that nobody notices any more means
// that a clean campaign says less than it seems to.

import { mutants } from "../../../packages/simulator/mutants/all.ts";
import type { Hunter } from "../hunter.ts";
import { add } from "../ledger.ts";
import { programs } from "../paths.ts";
import { shuffled } from "../shuffled.ts";

const secondsMax = 600;

export function knownMutants(seed: number, share: number): Hunter {
  const name = "mutants";
  const order = shuffled(
    mutants.map((mutant) => mutant.name),
    seed,
  );
  return {
    name,
    share,
    turn(number, _seconds, found) {
      const mutant = order[number];
      if (mutant === undefined) return undefined;
      return {
        command: [programs.mutants, mutant],
        env: { WORKERS: "1" },
        secondsMax,
        ended(code, { stdout, stderr }, counts) {
          add(counts, "hunted");
          if (code === 0) {
            add(counts, "caught");
            return;
          }
          const [row = ""] = stdout.trim().split("\n");
          found({
            by: name,
            property: "mutant not caught",
            place: mutant,
            detail: row.replace(/\s+/g, " "),
            replay: `npm run sim:mutants -- ${mutant}`,
            text: `${stdout}\n${stderr}`,
          });
        },
      };
    },
  };
}

export const mutantsCount = mutants.length;
