// The three protocols under the same work and the same faults. Deterministic: the same plan gives the
// same figures, to the last message.

import { type ProtocolName, protocolNames } from "../options/options.ts";
import { type CatchUpFigures, type CrashFigures, measureCatchUp, measureCrash } from "./crash.ts";
import {
  measurePartition,
  type PartitionFigures,
  type PartitionName,
  partitionNames,
} from "./partitions.ts";
import { measureSteady, type SteadyFigures } from "./steady.ts";

export interface ComparisonPlan {
  readonly protocols: readonly ProtocolName[];
  /** Of the cluster that is measured in calm and in crashes; the partitions bring their own. */
  readonly members: number;
  /** The first seed; each run of a fault has its own. */
  readonly seed: number;
  readonly runs: number;
  /** How long a partition lasts, and how long its healing may take. */
  readonly partitionMs: number;
  readonly onProgress?: (what: string) => void;
}

export interface ProtocolFigures {
  readonly steady: SteadyFigures;
  readonly crash: CrashFigures;
  readonly catchUp: CatchUpFigures;
  readonly partitions: Readonly<Record<PartitionName, PartitionFigures>>;
}

export interface Comparison {
  readonly members: number;
  readonly seed: number;
  readonly runs: number;
  readonly protocols: readonly (ProtocolFigures & { readonly protocol: ProtocolName })[];
}

export const defaultPlan: ComparisonPlan = {
  protocols: protocolNames,
  members: 3,
  seed: 1,
  runs: 15,
  partitionMs: 30_000,
};

const missedPuts = 1000;

export function compare(plan: ComparisonPlan): Comparison {
  const { members, seed, runs } = plan;
  const seeds = Array.from({ length: runs }, (_, run) => seed + run);
  const protocols = plan.protocols.map((protocol) => {
    const tell = (what: string): void => plan.onProgress?.(`${protocol}: ${what}`);
    tell("calm");
    const steady = measureSteady(protocol, members, seed);
    tell("crashes of the leader");
    const crash = measureCrash(protocol, members, seeds);
    tell("catching up");
    const catchUp = measureCatchUp(protocol, members, seed, missedPuts);
    const measured = partitionNames.map((name) => {
      tell(`partition ${name}`);
      return [name, measurePartition(name, protocol, seeds, plan.partitionMs)] as const;
    });
    const partitions = Object.fromEntries(measured) as Record<PartitionName, PartitionFigures>;
    return { protocol, steady, crash, catchUp, partitions };
  });
  return { members, seed, runs, protocols };
}
