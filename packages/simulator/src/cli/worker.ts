// One worker thread of `althing sim`: it runs the seeds it is given, one world after the other.
// Nothing is shared with other workers, so how seeds are spread over them changes no run.

import { parentPort, workerData } from "node:worker_threads";
import type { RunResult, Seed } from "@althing/simulator";
import type { SimulatorArguments } from "./arguments.ts";
import { runSeed } from "./run-seed.ts";

export interface WorkerJob {
  readonly seeds: readonly Seed[];
}
export interface SeedResult {
  readonly seed: Seed;
  readonly result: RunResult;
}
export type WorkerAnswer = ({ readonly kind: "result" } & SeedResult) | { readonly kind: "idle" };

const args = workerData as SimulatorArguments;

parentPort?.on("message", (job: WorkerJob) => {
  if (job.seeds.length === 0) {
    parentPort?.close();
    return;
  }
  for (const seed of job.seeds) {
    const result = runSeed(args, seed, false);
    parentPort?.postMessage({ kind: "result", seed, result } satisfies WorkerAnswer);
  }
  parentPort?.postMessage({ kind: "idle" } satisfies WorkerAnswer);
});
