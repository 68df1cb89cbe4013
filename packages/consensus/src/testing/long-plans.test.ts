// Long plans for every protocol: see `long-plan.ts`. A few here with every change; RUNS=5000 for a search,
// FROM=1234 RUNS=1 for the one that failed.

import { test } from "node:test";
import type { Protocol } from "../contract.ts";
import { paxos } from "../paxos/paxos.ts";
import { raft } from "../raft/raft.ts";
import { zab } from "../zab/zab.ts";
import { crossedPlan, longPlan, midstPlan } from "./long-plan.ts";
import { runRandomPlan } from "./random-run.ts";

const runs = Number(process.env["RUNS"] ?? 40);
const from = Number(process.env["FROM"] ?? 1);

for (const protocol of [raft, paxos, zab] as unknown as Protocol[]) {
  for (const [what, plan] of Object.entries({
    long: longPlan,
    midst: midstPlan,
    crossed: crossedPlan,
  })) {
    test(`${protocol.name}: ${what} plans of changes, elections, partitions and losses end well`, () => {
      for (let seed = from; seed < from + runs; seed++) {
        try {
          runRandomPlan(protocol, plan(seed));
        } catch (cause) {
          throw new Error(`${what} plan ${seed} of ${protocol.name} fails`, { cause });
        }
      }
    });
  }
}
