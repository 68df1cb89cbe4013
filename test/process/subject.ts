// Which program the process tests hold to their claims: Althing, or etcd to check the tests themselves
// (ALTHING_TEST_PROGRAM=etcd). ALTHING_TEST_PROTOCOL chooses Althing's protocol.

import { test } from "node:test";
import { Cluster, type ClusterOptions } from "../cluster/cluster.ts";
import type { Exit, MemberProcess } from "../cluster/member-process.ts";
import { type Program, whyMissing } from "../cluster/program.ts";
import { Workload, type WorkloadOptions } from "./workload.ts";

export const program: Program = process.env["ALTHING_TEST_PROGRAM"] === "etcd" ? "etcd" : "althing";

/** For `{ skip }`: a reason in one line, or false. */
export const skip: string | false = whyMissing(program) ?? false;

export const seed = Number(process.env["ALTHING_TEST_SEED"] ?? 1);

export interface ClusterTest {
  readonly skip?: string | false;
  readonly timeoutMs?: number;
  /** What the cluster is made of; disposed of after it. */
  readonly prepare?: (held: AsyncDisposableStack) => Promise<Omit<ClusterOptions, "program">>;
}

export interface Subject {
  readonly cluster: Cluster;
  load(options?: Omit<WorkloadOptions, "cluster" | "seed">): Workload;
}

/** A test of one running cluster. When it fails, the error tells what the members said last. */
export function clusterTest(
  name: string,
  options: ClusterTest,
  body: (subject: Subject) => Promise<void>,
): void {
  const settings = { skip: skip || (options.skip ?? false), timeout: options.timeoutMs ?? 180_000 };
  test(name, settings, async () => {
    await using held = new AsyncDisposableStack();
    const prepared = await options.prepare?.(held);
    const cluster = held.use(await Cluster.start({ program, ...prepared }));
    let loads = 0;
    const load = (more: Omit<WorkloadOptions, "cluster" | "seed"> = {}) => {
      loads += 1;
      return held.use(Workload.start({ cluster, seed: seed * 100 + loads, ...more }));
    };
    try {
      await body({ cluster, load });
    } catch (error) {
      const { message, stack } = error as Error;
      const told = new Error(`${message}\n(seed ${seed})\n${cluster.logs(25)}`, { cause: error });
      if (stack !== undefined) told.stack = `${told.message}\n${stack}`;
      throw told;
    }
  });
}

/** How a member ends by itself; undefined when it still runs after the time. */
export async function endsWithin(
  member: MemberProcess,
  milliseconds: number,
): Promise<Exit | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  const exit = await Promise.race([member.exited, late]);
  // Left running, it would keep the test's process alive.
  clearTimeout(timer);
  return exit;
}

export function pass(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
