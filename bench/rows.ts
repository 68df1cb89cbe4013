// The rows of the comparison: one kind of work at one number of clients, with the CPU that the members spent
// on it. Reads run over keys that were written before.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Cluster } from "../test/cluster/cluster.ts";
import type { MemberProcess } from "../test/cluster/member-process.ts";
import type { LoadPlan, LoadResult, Work } from "./load/closed-loop.ts";

export interface Row {
  readonly name: string;
  readonly work: Work;
  readonly clients: number;
}

export const rows: readonly Row[] = (
  [
    ["put", "put"],
    ["linearizable", "linearizable-range"],
    ["serializable", "serializable-range"],
  ] as const
).flatMap(([name, work]) =>
  [1, 100, 1000].map((clients) => ({ name: `${name}-${clients}`, work, clients })),
);

export interface RowConditions {
  readonly seconds: number;
  readonly target: "all" | "leader";
  readonly valueBytes: number;
  readonly keys: number;
}

export interface RowResult {
  readonly load: LoadResult;
  /** CPU of all members together, and of the leader alone, per 10,000 answered calls. */
  readonly cpuSecondsPer10k: number;
  readonly leaderCpuSecondsPer10k: number;
  /** The largest member, after the row. */
  readonly residentBytes: number;
}

const generator = fileURLToPath(new URL("load/generator.ts", import.meta.url));

export async function measureRow(
  cluster: Cluster,
  row: Row,
  conditions: RowConditions,
): Promise<RowResult> {
  const leader = await cluster.leader();
  const reached = conditions.target === "leader" ? [leader] : cluster.members;
  const plan: LoadPlan = {
    work: row.work,
    targets: reached.map((member) => member.target),
    clients: row.clients,
    seconds: conditions.seconds,
    warmupSeconds: Math.min(1.5, conditions.seconds / 2),
    valueBytes: conditions.valueBytes,
    keys: conditions.keys,
  };
  if (row.work !== "put") await generate({ ...plan, fill: true });
  const before = cluster.members.map(cpuOf);
  const load = await generate(plan);
  const spent = cluster.members.map((member, i) => cpuOf(member) - (before[i] ?? 0));
  // The CPU was taken over warm-up, measurement and tail: so are the calls.
  const per10k = (cpuSeconds: number) => {
    return Math.round((cpuSeconds / Math.max(1, load.callsTotal)) * 1e7) / 1000;
  };
  return {
    load,
    cpuSecondsPer10k: per10k(spent.reduce((sum, one) => sum + one, 0)),
    leaderCpuSecondsPer10k: per10k(spent[cluster.members.indexOf(leader)] ?? 0),
    residentBytes: Math.max(...cluster.members.map((member) => member.residentBytes())),
  };
}

function cpuOf(member: MemberProcess): number {
  return member.cpuSeconds();
}

function generate(plan: LoadPlan & { readonly fill?: boolean }): Promise<LoadResult> {
  const child = spawn(process.execPath, [generator, JSON.stringify(plan)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (part: Buffer) => {
    text += part.toString();
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(JSON.parse(text) as LoadResult);
      else reject(new Error(`the load generator ended with ${code}`));
    });
  });
}
