// What it costs to hold many keys: memory at rest, with some and with all of them, and the time that a killed
// member takes from its start to its first linearizable read, as one of three and alone.

import type { Cluster } from "../test/cluster/cluster.ts";
import type { MemberProcess } from "../test/cluster/member-process.ts";
import type { Program } from "../test/cluster/program.ts";
import { generate } from "./generate.ts";
import { Connection } from "./load/connection.ts";
import { encodeRange, keyOf, paths } from "./load/requests.ts";
import { startBenchCluster } from "./subject.ts";

/** One look at all members at rest, in bytes. */
export interface MemoryLook {
  readonly title: string;
  readonly largest: number;
  readonly sum: number;
  /** Of the largest: what is not a page of a file, which the kernel can drop. */
  readonly anonymous: number;
}

export interface HoldingResult {
  readonly memory: readonly MemoryLook[];
  readonly restartMs: readonly number[];
}

export interface HoldingConditions {
  readonly members: number;
  readonly keys: number;
  readonly valueBytes: number;
  readonly restarts: number;
  readonly args: readonly string[];
}

/** Both programs write behind; what they have yet to write is not what they hold. */
const restMs = 2_000;
const answerWithinMs = 60_000;
const retryMs = 5;

export async function measureHolding(
  program: Program,
  conditions: HoldingConditions,
): Promise<HoldingResult> {
  const { members, keys, valueBytes, restarts } = conditions;
  await using cluster = await startBenchCluster(program, members, conditions.args);
  const memory: MemoryLook[] = [];
  const look = async (title: string): Promise<void> => {
    await pause(restMs);
    memory.push(memoryOf(cluster, title));
  };
  await look("at rest");
  let filled = 0;
  for (const number of [keys / 10, keys]) {
    await generate({
      work: "put",
      targets: cluster.members.map((member) => member.target),
      clients: 10,
      seconds: 0,
      warmupSeconds: 0,
      valueBytes,
      keys: number,
      fill: { from: filled, putsPerTxn: 100 },
    });
    filled = number;
    await look(`${number.toLocaleString("en-US")} keys`);
  }
  const restartMs: number[] = [];
  for (let i = 0; i < restarts; i++) {
    const leader = members > 1 ? await cluster.leader() : undefined;
    const member = cluster.members.find((candidate) => candidate !== leader) ?? cluster.member(0);
    await member.kill();
    restartMs.push(await timeToServe(member, keys));
    await cluster.waitUntilReady();
    await pause(restMs / 3);
  }
  if (restarts > 0) await look("after restart");
  return { memory, restartMs };
}

/** From the start of the process to the answer to a linearizable read of the last key. */
async function timeToServe(member: MemberProcess, keys: number): Promise<number> {
  const range = encodeRange(keyOf(keys - 1), false);
  const startedAt = performance.now();
  member.start();
  while (performance.now() - startedAt < answerWithinMs) {
    const connection = new Connection(member.target);
    const isServed = await new Promise<boolean>((resolve) => {
      connection.call(paths.range, range, (status) => resolve(status === 0));
    });
    connection.close();
    if (isServed) return Math.round(performance.now() - startedAt);
    await pause(retryMs);
  }
  throw new Error(`${member.name} served nothing within ${answerWithinMs} ms of its start`);
}

function memoryOf(cluster: Cluster, title: string): MemoryLook {
  const bytes = cluster.members.map((member) => member.residentBytes());
  const largest = Math.max(...bytes);
  return {
    title,
    largest,
    sum: bytes.reduce((sum, one) => sum + one, 0),
    anonymous: cluster.member(bytes.indexOf(largest)).anonymousBytes(),
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
