// Random plans over bare cores: no member around them, so many more moves in the same time.

import { brokenMachinery, type Hunter } from "../hunter.ts";
import { add } from "../ledger.ts";
import { programs } from "../paths.ts";
import type { PlanLine } from "../plan-failure.ts";
import { planKinds } from "../plan-kinds.ts";

const kinds = Object.keys(planKinds);
/** More than a turn ever runs. */
const plansPerTurn = 2 ** 17;

export function plansOf(protocol: string, seed: number, share: number): Hunter {
  const name = `plans ${protocol}`;
  return {
    name,
    share,
    turn(number, seconds, found) {
      const kind = kinds[number % kinds.length]!;
      const from = (Math.imul(seed, 0x9e3779b1) + number * plansPerTurn) >>> 0;
      const flags = ["--protocol", protocol, "--kind", kind];
      const range = ["--from", `${from}`, "--seconds", `${seconds}`, "--keep-going", "--json"];
      return {
        command: [programs.plans, ...flags, ...range],
        secondsMax: 2 * seconds + 120,
        line(text, counts) {
          const line = JSON.parse(text) as PlanLine;
          if (line.kind === "done") {
            add(counts, "plans", line.plans);
            add(counts, kind, line.plans);
            add(counts, "moves", line.moves);
            return;
          }
          const own = [...flags, "--from", `${line.seed}`, "--plans", "1"];
          found({
            by: name,
            property: line.property,
            place: line.place === "" ? protocol : `${protocol}: ${line.place}`,
            detail: line.detail,
            replay: `npm run plans -- ${own.join(" ")} --trace`,
            shrink: (file) => ({
              command: [programs.plans, ...own, "--shrink", file],
              replay: `npm run plans -- ${file} --trace`,
            }),
          });
        },
        ended(code, output) {
          const again = `npm run plans -- ${[...flags, ...range].join(" ")}`;
          if (code !== 0 && code !== 1) found(brokenMachinery(name, code, output, again));
        },
      };
    },
  };
}
