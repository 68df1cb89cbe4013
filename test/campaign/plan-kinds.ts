// The kinds of random plans that there are for cores, each a plan for every seed.

import { type Protocol, paxos, raft, zab } from "@althing/consensus";
import {
  crossedPlan,
  longPlan,
  midstPlan,
} from "../../packages/consensus/src/testing/long-plan.ts";
import { installPlan, type RandomPlan } from "../../packages/consensus/src/testing/random-run.ts";

export const planKinds: Readonly<Record<string, (seed: number) => RandomPlan>> = {
  long: longPlan,
  midst: midstPlan,
  crossed: crossedPlan,
  installs: (seed) => installPlan(seed),
  leases: (seed) => installPlan(seed, { reads: "lease", clockDriftMax: 0.1 }),
};

export const cores = { raft, paxos, zab } as unknown as Readonly<Record<string, Protocol>>;
