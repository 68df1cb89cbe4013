// What is measured: a cluster with default settings and an otherwise idle log, on the disk that the temporary
// folder is on. Both programs get the same flags.

import { Cluster } from "../test/cluster/cluster.ts";
import type { Program } from "../test/cluster/program.ts";

export async function startBenchCluster(
  program: Program,
  members: number,
  args: readonly string[] = [],
): Promise<Cluster> {
  const cluster = await Cluster.start({
    program,
    members,
    args: [...args, program === "etcd" ? "--log-level=error" : "--log-level=warn"],
  });
  await cluster.leader();
  return cluster;
}
