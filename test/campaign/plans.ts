// npm run plans -- --protocol P --kind KIND --from N [--plans N | --seconds N] [--keep-going] [--trace] [--shrink FILE]
// npm run plans -- FILE... [--trace]
//
// Random plans over the bare cores of one protocol, beginning with seed N, until one fails (or for N seconds). `--trace`
// tells one, line by line; `--shrink` leaves out what the failure does not need and writes the rest to FILE, which is
// replayed by its name. Ends with 1 when a plan failed. `--json` speaks in lines for programs.

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type RandomPlan, runRandomPlan } from "../../packages/consensus/src/testing/random-run.ts";
import { failureOf, type PlanFailure, type PlanLine } from "./plan-failure.ts";
import { cores, planKinds } from "./plan-kinds.ts";
import { shrinkPlan } from "./plan-shrink.ts";

interface KeptPlan {
  readonly protocol: string;
  readonly about: string;
  readonly plan: RandomPlan;
}

const usageExitCode = 3;
const { values, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    protocol: { type: "string", default: "raft" },
    kind: { type: "string", default: "long" },
    from: { type: "string", default: "1" },
    plans: { type: "string" },
    seconds: { type: "string" },
    shrink: { type: "string" },
    trace: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    "keep-going": { type: "boolean", default: false },
  },
});
const makePlan = planKinds[values.kind];
const from = Number(values.from);
const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
const plansMax = Number(values.plans ?? (seconds === undefined ? 100 : Number.POSITIVE_INFINITY));
if (makePlan === undefined || cores[values.protocol] === undefined) {
  console.error(`kinds: ${Object.keys(planKinds).join(", ")}; protocols: raft, paxos, zab`);
  process.exit(usageExitCode);
}
if (!Number.isSafeInteger(from) || !(plansMax > 0) || (seconds !== undefined && !(seconds > 0))) {
  console.error("--from, --plans and --seconds take numbers");
  process.exit(usageExitCode);
}
process.exitCode = files.length > 0 ? replay(files) : runMany(makePlan);

function runMany(planOf: (seed: number) => RandomPlan): number {
  const end = performance.now() + 1000 * (seconds ?? Number.POSITIVE_INFINITY);
  let failed = false;
  let plans = 0;
  let moves = 0;
  let toldMs = performance.now();
  let toldPlans = 0;
  const tellDone = () => {
    if (values.json) say({ kind: "done", plans: plans - toldPlans, moves });
    toldPlans = plans;
    toldMs = performance.now();
    moves = 0;
  };
  for (let i = 0; i < plansMax && performance.now() < end; i++) {
    const seed = (from + i) >>> 0;
    const plan = planOf(seed);
    const failure = fails(values.protocol, plan);
    plans++;
    moves += plan.moves.length;
    if (failure !== undefined) {
      failed = true;
      tell(seed, failure);
      if (values.shrink !== undefined) keep(values.shrink, plan, failure);
      if (!values["keep-going"]) break;
    }
    if (performance.now() - toldMs > 1000) tellDone();
  }
  tellDone();
  if (!values.json) {
    console.log(`${plans} ${values.kind} plans of ${values.protocol}, seeds from ${from}`);
  }
  return failed ? 1 : 0;
}

function replay(kept: readonly string[]): number {
  let code = 0;
  for (const file of kept) {
    const { protocol, about, plan } = JSON.parse(readFileSync(file, "utf8")) as KeptPlan;
    const failure = fails(protocol, plan);
    console.log(`${file}: ${failure === undefined ? "passes" : describe(failure)} (${about})`);
    if (failure !== undefined) code = 1;
  }
  return code;
}

function fails(protocol: string, plan: RandomPlan): PlanFailure | undefined {
  try {
    runRandomPlan(cores[protocol]!, plan, values.trace ? (line) => console.log(line) : undefined);
    return undefined;
  } catch (error) {
    return failureOf(error);
  }
}

function keep(file: string, plan: RandomPlan, failure: PlanFailure): void {
  const small = shrinkPlan(cores[values.protocol]!, plan, failure);
  const kept: KeptPlan = { protocol: values.protocol, about: describe(failure), plan: small };
  writeFileSync(file, `${JSON.stringify(kept)}\n`);
  console.log(`${small.moves.length} of ${plan.moves.length} moves are left in ${file}`);
}

function tell(seed: number, failure: PlanFailure): void {
  if (values.json) {
    say({ kind: "failed", seed, ...failure });
    return;
  }
  console.log(`FAILED ${values.kind} plan ${seed} of ${values.protocol}: ${describe(failure)}`);
  const own = ["--protocol", values.protocol, "--kind", values.kind, "--from", `${seed}`];
  console.log(`  replay: npm run plans -- ${own.join(" ")} --plans 1 --trace`);
}

function describe({ property, place, detail }: PlanFailure): string {
  const where = place === "" ? "" : ` at ${place}`;
  return `${property}${where}: ${detail}`;
}

function say(line: PlanLine): void {
  console.log(JSON.stringify(line));
}
