// Whole members in simulated worlds, seed after seed, none of them run before. Most turns let each seed draw its own
// mixture; the others point all of their seeds at what most bugs were found under.

import { brokenMachinery, type Hunter, placeOfWords } from "../hunter.ts";
import { add } from "../ledger.ts";
import { programs } from "../paths.ts";

const mixtures: readonly (readonly string[])[] = [
  [],
  ["--faults", "crash,partition,membership,transfer", "--seconds", "20"],
  [],
  ["--actors", "holder,watcher,contender,compactor"],
  [],
  ["--reads", "lease", "--faults", "crash,pause,partition,clock,transfer"],
];

/** More than a turn ever runs, so that no two turns have a seed in common. */
const seedsPerTurn = 1n << 20n;

interface Run {
  readonly seed: number | string;
  readonly result: string;
  readonly simulatedMs: number;
  readonly operations: number;
  readonly answered: number;
  readonly progressDemanded: boolean;
  readonly violation?: { readonly property: string; readonly detail: string };
}

export function seedsOf(protocol: string, seed: number, share: number): Hunter {
  const name = `seeds ${protocol}`;
  return {
    name,
    share,
    turn(number, seconds, found) {
      const flags = ["--protocol", protocol, ...mixtures[number % mixtures.length]!];
      const from = (BigInt(seed) << 32n) + BigInt(number) * seedsPerTurn;
      const minutes = `${Math.max(0.001, seconds / 60)}`;
      const many = ["--from", `${from}`, "--minutes", minutes, "--workers", "1", "--json"];
      return {
        command: [programs.althing, "sim", ...flags, ...many, "--keep-going"],
        secondsMax: 2 * seconds + 120,
        line(text, counts) {
          const run = JSON.parse(text) as Run;
          add(counts, "runs");
          add(counts, run.result);
          add(counts, "simulatedMs", run.simulatedMs);
          add(counts, "planned", run.operations);
          add(counts, "answered", run.answered);
          if (!run.progressDemanded) add(counts, "undemanded");
          if (run.result === "pass") return;
          const { property, detail } = run.violation ?? { property: run.result, detail: "" };
          const own = [...flags, "--seed", `${run.seed}`];
          found({
            by: name,
            property,
            place: `${protocol}: ${placeOfCrash(detail) ?? placeOfWords(detail)}`,
            detail,
            replay: `npm run sim -- ${own.join(" ")} --trace`,
            shrink: (file) => ({
              command: [programs.althing, "sim", "shrink", ...own, "--out", file],
              replay: `npm run sim -- run ${file} --trace`,
            }),
          });
        },
        ended(code, output) {
          const isVerdict = code === 0 || (code >= 10 && code <= 14);
          const again = `npm run sim -- ${[...flags, ...many].join(" ")}`;
          if (!isVerdict) found(brokenMachinery(name, code, output, again));
        },
      };
    },
  };
}

/** Of something thrown: the first line of the stack that is code of ours. */
function placeOfCrash(detail: string): string | undefined {
  return /\(?[^\s(]*\/(packages\/[^\s:]+\.ts:\d+)/.exec(detail)?.[1];
}
