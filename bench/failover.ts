// How long writes stop when the leader dies (SIGKILL) or falls silent (SIGSTOP), with default timeouts: from the
// signal to the first write that was started after it and acknowledged by a surviving member.

import type { Cluster } from "../test/cluster/cluster.ts";
import type { MemberProcess } from "../test/cluster/member-process.ts";
import type { Program } from "../test/cluster/program.ts";
import { Connection } from "./load/connection.ts";
import { encodePut, paths } from "./load/requests.ts";
import { startBenchCluster } from "./subject.ts";

export interface FailoverResult {
  readonly killMs: readonly number[];
  readonly freezeMs: readonly number[];
}

/** How often each survivor is tried while none answers. */
const probeEveryMs = 5;

export async function measureFailover(
  program: Program,
  members: number,
  times: number,
  args: readonly string[] = [],
): Promise<FailoverResult> {
  await using cluster = await startBenchCluster(program, members, args);
  const killMs: number[] = [];
  const freezeMs: number[] = [];
  for (let i = 0; i < times; i++) {
    const killed = await cluster.leader();
    killMs.push(await measure(cluster, killed, () => void killed.kill()));
    await killed.exited;
    killed.start();
    await cluster.waitUntilReady();
    await settle();

    const frozen = await cluster.leader();
    freezeMs.push(await measure(cluster, frozen, () => frozen.pause()));
    frozen.resume();
    await cluster.waitUntilReady();
    await settle();
  }
  return { killMs, freezeMs };
}

async function measure(
  cluster: Cluster,
  leader: MemberProcess,
  strike: () => void,
): Promise<number> {
  const survivors = cluster.members.filter((member) => member !== leader);
  const connections = survivors.map((member) => new Connection(member.target));
  await Promise.all(connections.map((connection) => connection.ready()));
  const put = encodePut(Buffer.from("failover"), Buffer.alloc(256, 1));
  const started = performance.now();
  strike();
  const elapsed = await new Promise<number>((resolve, reject) => {
    // Many writes are in flight at once, so that one stuck in a long server-side timeout does not
    // stand for the cluster's recovery.
    const probe = () => {
      for (const connection of connections) {
        connection.call(paths.put, put, (status) => {
          if (status !== 0) return;
          clearInterval(timer);
          clearTimeout(limit);
          resolve(performance.now() - started);
        });
      }
    };
    const timer = setInterval(probe, probeEveryMs);
    const limit = setTimeout(() => {
      clearInterval(timer);
      reject(new Error("no write was acknowledged within 60 s of the leader's end"));
    }, 60_000);
  });
  for (const connection of connections) connection.close();
  return Math.round(elapsed * 10) / 10;
}

/** Followers are heard from and timers are past their start, as in a cluster that was up for a while. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1500));
}
