// The load generator's own process: one plan as JSON in, one result as JSON out. A process of its own, so
// that neither the harness nor the members share its event loop.
//
//   node bench/load/generator.ts '{"work":"put","targets":[{"port":2379}],"clients":100,...}'

import { fillKeys, type LoadPlan, runLoad } from "./closed-loop.ts";

const plan = JSON.parse(process.argv[2] ?? "{}") as LoadPlan & { readonly fill?: boolean };
if (plan.fill) await fillKeys(plan);
process.stdout.write(`${JSON.stringify(plan.fill ? {} : await runLoad(plan))}\n`);
