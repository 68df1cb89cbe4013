// Many seeds over all cores: worker threads take seeds in small batches, results come back in order
// of seed, and the first failure stops the rest unless told otherwise.

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { RunResult, RunVerdict, Seed } from "@althing/simulator";
import { replayCommand, type SimulatorArguments } from "./arguments.ts";
import { exitCodes } from "./exit-codes.ts";
import { Progress } from "./progress.ts";
import { runForJson } from "./report.ts";
import type { SeedResult, WorkerAnswer, WorkerJob } from "./worker.ts";

const batch = 4;

export async function explore(args: SimulatorArguments): Promise<number> {
  const total = args.minutes === undefined ? (args.seeds ?? 100) : Number.POSITIVE_INFINITY;
  const startedMs = performance.now();
  const endMs = args.minutes === undefined ? Number.POSITIVE_INFINITY : args.minutes * 60_000;
  const count = Math.min(args.workers ?? availableParallelism(), Math.ceil(total / batch));
  const progress = new Progress(total, args.minutes, count, !args.json);
  const tally = new Map<RunVerdict, number>();
  const failures: SeedResult[] = [];
  let next = args.from;
  let handed = 0;
  let stopped = false;

  const take = (): Seed[] => {
    const seeds: Seed[] = [];
    const over = stopped || performance.now() - startedMs > endMs;
    while (!over && seeds.length < batch && handed < total) {
      seeds.push(next);
      next = (next + 1n) & 0xffffffffffffffffn;
      handed++;
    }
    return seeds;
  };
  const took = (done: SeedResult): void => {
    const { result } = done;
    tally.set(result.result, (tally.get(result.result) ?? 0) + 1);
    progress.add(result);
    if (args.json) process.stdout.write(`${runForJson(args, done.seed, result)}\n`);
    if (result.result === "pass") return;
    failures.push(done);
    if (!args.keepGoing && result.result !== "undecided") stopped = true;
    progress.clear();
    if (!args.json) describeFailure(args, done.seed, result);
  };
  await Promise.all(Array.from({ length: count }, () => runWorker(args, take, took)));
  progress.finish(tally);
  const worst = failures.sort((left, right) => (left.seed < right.seed ? -1 : 1))[0];
  const decisive = failures.find((failure) => failure.result.result !== "undecided") ?? worst;
  return decisive === undefined ? 0 : exitCodes[decisive.result.result];
}

export function describeFailure(
  args: SimulatorArguments,
  seed: Seed,
  result: RunResult,
  replay: string = replayCommand(args, seed),
): void {
  const { violation } = result;
  const headline = violation?.property ?? "the linearizability search reached its bound";
  const lines = [
    `${result.result.toUpperCase()}  ${args.protocol} seed ${seed}: ${headline}`,
    ...(violation === undefined ? [] : [`  ${violation.detail}`]),
    `  after ${(result.simulatedMs / 1000).toFixed(1)} simulated seconds, trace hash ${result.traceHash}`,
    `  replay: ${replay} --trace`,
  ];
  process.stderr.write(`${lines.join("\n")}\n`);
}

function runWorker(
  args: SimulatorArguments,
  take: () => Seed[],
  took: (done: SeedResult) => void,
): Promise<void> {
  const first = take();
  if (first.length === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData: args,
      // Worlds make much garbage that dies young; a larger nursery halves what collecting it costs.
      resourceLimits: { maxYoungGenerationSizeMb: 64 },
    });
    worker.on("error", reject);
    worker.on("exit", () => resolve());
    worker.on("message", (answer: WorkerAnswer) => {
      if (answer.kind === "result") {
        took(answer);
        return;
      }
      const seeds = take();
      const job: WorkerJob = { seeds };
      worker.postMessage(job);
    });
    worker.postMessage({ seeds: first } satisfies WorkerJob);
  });
}
