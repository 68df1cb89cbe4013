// npm run mutation -- [path]... [--sample N] [--seed N] [--minutes N] [--jobs N] [--longest S] [--keep FOLDER] [--fresh]
//
// Plants mutants in the production code at the paths given (all packages without any), N of each package drawn by the seed, and
// runs the tests that reach each until one of them notices. Verdicts are kept in the folder (`.mutation`) and count again in the
// next run, but that survivors are judged anew when the tests that reach them have changed. `--fresh` judges everything anew.
// `--longest 5` asks no test that costs more than five seconds of the processor: a first look, to be followed by one at its survivors without.
// Leaves `report.json` and `survivors.txt` there.

import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { askedHash, isKilled, judge, testsOf } from "./judge.ts";
import { isProgram, type Mutant, plant, withMutant } from "./plant.ts";
import { type Reach, Reaches } from "./reach.ts";
import {
  describe,
  type Judged,
  jsonOf,
  placeOf,
  shareLine,
  shareOf,
  survivorLines,
} from "./report.ts";
import { Results } from "./results.ts";
import { sampleOf } from "./sample.ts";
import { packageOf, productionFiles, read, testsFor } from "./sources.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    minutes: { type: "string" },
    jobs: { type: "string" },
    longest: { type: "string" },
    keep: { type: "string", default: ".mutation" },
    fresh: { type: "boolean", default: false },
  },
});
const sample = Number(values.sample ?? Number.POSITIVE_INFINITY);
const seed = Number(values.seed);
const minutes = Number(values.minutes ?? Number.POSITIVE_INFINITY);
const jobs = Number(values.jobs ?? availableParallelism());
const longest = Number(values.longest ?? Number.POSITIVE_INFINITY);
if (!(sample > 0 && minutes > 0 && jobs > 0 && longest > 0) || !Number.isSafeInteger(seed)) {
  console.error("--sample, --seed, --minutes, --jobs and --longest take numbers");
  process.exit(2);
}
const files = productionFiles(positionals);
if (files.length === 0) {
  console.error(`no production code at ${positionals.join(", ")}`);
  process.exit(2);
}

const end = performance.now() + minutes * 60_000;
mkdirSync(values.keep, { recursive: true });
const results = new Results(join(values.keep, "verdicts.jsonl"));
const reachesKept = new Reaches(join(values.keep, "reach.json"));
const packages = Map.groupBy(files, packageOf);
const planted = new Map([...packages].map(([name, among]) => [name, mutantsIn(among)]));
const chosen = new Map([...planted].map(([name, all]) => [name, sampleOf(all, sample, seed)]));

const reach = new Map<string, Reach>();
await inTurn([...new Set([...packages.keys()].flatMap(testsFor))], gather);
const open = [...chosen.values()].flat();
const judged: Judged[] = [];
await inTurn(open, judgeOne);
tell();

async function gather(test: string): Promise<void> {
  if (!reachesKept.isKnown(test)) {
    const fault = await reachesKept.gather(test);
    if (fault !== undefined) return console.error(`left out: ${fault}`);
    console.error(`${reachesKept.of(test).seconds.toFixed(1).padStart(6)} s  ${test}`);
  }
  reach.set(test, reachesKept.of(test));
}

async function judgeOne(mutant: Mutant): Promise<void> {
  const among = testsFor(packageOf(mutant.file));
  const near = new Map(
    [...reach].filter(([test, { seconds }]) => among.includes(test) && seconds <= longest),
  );
  const tests = testsOf(mutant, near);
  const known = values.fresh ? undefined : results.of(mutant);
  if (known !== undefined && (isKilled(known) || known.asked === askedHash(tests))) {
    judged.push({ mutant, verdict: known });
    return;
  }
  if (!isProgram(withMutant(read(mutant.file), mutant))) return;
  const verdict = await judge(mutant, tests, near);
  results.keep(mutant, verdict);
  judged.push({ mutant, verdict });
  const progress = `${judged.length}/${open.length}`;
  console.error(`${progress} ${verdict.kind} ${placeOf(mutant)} ${describe(mutant)}`);
}

/** As many at a time as there are jobs; what is not begun when the time is over is left. */
async function inTurn<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all];
  const worker = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      if (performance.now() > end) return;
      await work(one);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

function mutantsIn(among: readonly string[]): Mutant[] {
  return among.flatMap((file) => plant(file, read(file)));
}

function tell(): void {
  const shares = [...planted].map(([name, all]) => {
    const own = judged.filter(({ mutant }) => packageOf(mutant.file) === name);
    return shareOf(name, all.length, own);
  });
  writeFileSync(join(values.keep, "report.json"), jsonOf(shares, judged));
  const survivors = survivorLines(judged);
  writeFileSync(join(values.keep, "survivors.txt"), `${survivors.join("\n")}\n`);
  for (const line of survivors) console.log(line);
  console.log("");
  for (const share of shares) console.log(shareLine(share));
}
