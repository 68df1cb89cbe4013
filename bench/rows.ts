// The rows of the comparison: one kind of work at one number of clients, with the CPU that the members spent
// on it. Reads run over keys that were written before.

import type { Cluster } from "../test/cluster/cluster.ts";
import type { MemberProcess } from "../test/cluster/member-process.ts";
import { generate } from "./generate.ts";
import type { LoadPlan, LoadResult, Work } from "./load/plan.ts";

export interface Row {
  readonly name: string;
  readonly work: Work;
  readonly clients: number;
  /** What is counted. */
  readonly unit: string;
}

export const rows: readonly Row[] = [
  ...scaled("put", "put"),
  ...scaled("linearizable", "linearizable-range"),
  ...scaled("serializable", "serializable-range"),
  ...scaled("swap", "compare-and-swap").filter(({ clients }) => clients > 1),
  { name: "watch-1000", work: "watch", clients: 1000, unit: "events" },
  { name: "lease-10000", work: "lease-keepalive", clients: 10_000, unit: "renewals" },
];

function scaled(name: string, work: Work): Row[] {
  return [1, 100, 1000].map((clients) => ({
    name: `${name}-${clients}`,
    work,
    clients,
    unit: "calls",
  }));
}

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
  if (row.work === "linearizable-range" || row.work === "serializable-range") {
    await generate({ ...plan, fill: { from: 0, putsPerTxn: 100 } });
  }
  const before = cluster.members.map(cpuOf);
  const load = await generate(plan);
  const spent = cluster.members.map((member, i) => cpuOf(member) - (before[i] ?? 0));
  // The CPU was taken over warm-up, measurement and tail: so are the calls.
  const per10k = (cpuSeconds: number) => {
    return Math.round((cpuSeconds / Math.max(1, load.callsTotal)) * 1e8) / 10_000;
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
