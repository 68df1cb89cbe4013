// Long random plans that are mostly about snapshots: members fall behind, install, crash in between and
// are led by others meanwhile. What disks must be is checked after every step (testing/disk-checks.ts).

import { test } from "node:test";
import type { Protocol } from "../contract.ts";
import { paxos } from "../paxos/paxos.ts";
import { raft } from "../raft/raft.ts";
import { installPlan, runRandomPlan } from "../testing/random-run.ts";
import { zab } from "../zab/zab.ts";

const first = Number(process.env["SEED"] ?? 1);
const runs = Number(process.env["RUNS"] ?? 20);

for (const protocol of [raft, paxos, zab] as unknown as Protocol[]) {
  test(`${protocol.name}: ${runs} long plans of snapshots are safe, and each goes on once it is healed`, () => {
    for (let seed = first; seed < first + runs; seed++) {
      try {
        runRandomPlan(protocol, installPlan(seed));
        runRandomPlan(protocol, installPlan(seed, { reads: "lease", clockDriftMax: 0.1 }));
      } catch (cause) {
        throw new Error(`SEED=${seed} RUNS=1 shows it`, { cause });
      }
    }
  });
}
