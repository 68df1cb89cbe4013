// The load generator's own process: one plan as JSON in, one result as JSON out. A process of its own, so
// that neither the harness nor the members share its event loop.
//
//   node bench/load/generator.ts '{"work":"put","targets":[{"port":2379}],"clients":100,...}'

import { type Fill, fillKeys, runLoad } from "./closed-loop.ts";
import { runLeaseLoad } from "./lease-load.ts";
import type { LoadPlan, LoadResult } from "./plan.ts";
import { runWatchLoad } from "./watch-load.ts";

/** With `fill`, in place of a load keys are written once. */
export interface GeneratorPlan extends LoadPlan {
  readonly fill?: Fill;
}

function run(plan: LoadPlan): Promise<LoadResult> {
  switch (plan.work) {
    case "watch":
      return runWatchLoad(plan);
    case "lease-keepalive":
      return runLeaseLoad(plan);
    case "put":
    case "linearizable-range":
    case "serializable-range":
    case "compare-and-swap":
      return runLoad(plan);
  }
}

const plan = JSON.parse(process.argv[2] ?? "{}") as GeneratorPlan;
if (plan.fill !== undefined) {
  await fillKeys(plan, plan.fill);
  process.stdout.write("{}\n");
} else process.stdout.write(`${JSON.stringify(await run(plan))}\n`);
