// The three partial partitions of Ng, Haridi and Carbone ("Omni-Paxos", EuroSys 2023): some links fail,
// everyone still reaches somebody, and whoever could lead may not be whom the protocol would choose.

import type { Machine } from "../cluster/machine.ts";
import type { ProtocolName } from "../options/options.ts";
import { type Availability, type Spread, spreadOf, watchFault } from "./availability.ts";
import { ComparisonFailed, Stage } from "./stage.ts";

export type PartitionName = "quorumLoss" | "constrainedElection" | "chained";
export const partitionNames: readonly PartitionName[] = [
  "quorumLoss",
  "constrainedElection",
  "chained",
];

export interface PartitionFigures {
  readonly members: number;
  readonly runs: number;
  /** In how many of them the cluster went on to commit while the partition lasted. */
  readonly lives: number;
  readonly windowMs: number;
  readonly gapMs: Spread;
  readonly commits: Spread;
  readonly leaderChanges: Spread;
  /** Members that still answer their own clients. */
  readonly served: Spread;
  /** In how many runs all followed one leader again within a window after the links were mended. */
  readonly recovers: number;
}

export function measurePartition(
  name: PartitionName,
  protocol: ProtocolName,
  seeds: readonly number[],
  windowMs: number,
): PartitionFigures {
  const members = name === "chained" ? 3 : 5;
  const runs = seeds.map((seed) => {
    const stage = new Stage({ protocol, members, seed });
    const during = strike[name](stage, windowMs);
    const recovers = isBack(stage, windowMs);
    return { ...during, recovers };
  });
  return {
    members,
    runs: runs.length,
    lives: runs.filter((run) => run.lives).length,
    windowMs,
    gapMs: spreadOf(runs.map((run) => run.gapMs)),
    commits: spreadOf(runs.map((run) => run.commits)),
    leaderChanges: spreadOf(runs.map((run) => run.leaderChanges)),
    served: spreadOf(runs.map((run) => run.served)),
    recovers: runs.filter((run) => run.recovers).length,
  };
}

const strike: Readonly<Record<PartitionName, (stage: Stage, windowMs: number) => Availability>> = {
  /** Everyone, the leader too, reaches one member only: the hub, which reaches all. */
  quorumLoss(stage, windowMs) {
    stage.settle();
    const hub = stage.followers()[0] as Machine;
    return watchFault(stage, () => onlyThrough(stage, hub), windowMs);
  },
  /** The same, but the hub lags behind (the leader was hidden from it), and the leader is cut off. */
  constrainedElection(stage, windowMs) {
    const leader = stage.settle();
    const hub = stage.followers()[0] as Machine;
    return watchFault(
      stage,
      () => {
        stage.cut(hub, leader);
        stage.run(500_000);
        if (!lagsBehind(hub, leader)) throw new ComparisonFailed("the hub does not lag behind");
        onlyThrough(stage, hub);
        for (const other of stage.followers()) stage.cut(leader, other);
      },
      windowMs,
    );
  },
  /** A line of three with the leader at its end: it and the other end do not hear each other. */
  chained(stage, windowMs) {
    const leader = stage.settle();
    const end = stage.followers()[0] as Machine;
    return watchFault(stage, () => stage.cut(leader, end), windowMs);
  },
};

function onlyThrough(stage: Stage, hub: Machine): void {
  const { machines } = stage.cluster;
  for (const one of machines) {
    for (const other of machines) {
      if (one !== hub && other !== hub && one.ordinal < other.ordinal) stage.cut(one, other);
    }
  }
}

function lagsBehind(hub: Machine, leader: Machine): boolean {
  const behind = hub.process?.member.status().lastIndex as number;
  return behind < (leader.process?.member.status().commitIndex as number);
}

function isBack(stage: Stage, windowMs: number): boolean {
  stage.mend();
  const isWhole = (): boolean => {
    const leader = stage.cluster.leader()?.process?.member.status();
    if (leader === undefined) return false;
    return stage.cluster.machines.every((machine) => {
      const status = machine.process?.member.status();
      return status?.epoch === leader.epoch && status.leader === leader.id;
    });
  };
  stage.run(windowMs * 1000, isWhole);
  return isWhole();
}
