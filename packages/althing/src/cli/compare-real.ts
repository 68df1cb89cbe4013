// The comparison on real processes: the project's own benchmark, once per protocol and round, in turns,
// so that what else the machine does falls on all alike. The benchmark is no part of the package: it
// runs in a checkout of the source only, as a process of its own.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CliError, exitCode } from "./exit-codes.ts";

export interface RealFigures {
  readonly protocol: string;
  /** By the benchmark's name of the work; one for each round. */
  readonly work: Readonly<Record<string, readonly RealWork[]>>;
  readonly killMs: readonly number[];
  readonly freezeMs: readonly number[];
}
interface RealWork {
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
  /** Near 100: the generator of the load is what was measured. */
  readonly generatorCpuPercent: number;
  /** Of all members, per 10,000 answered calls: what a busy machine blurs least. */
  readonly cpuSecondsPer10k: number;
}

export interface RealPlan {
  readonly protocols: readonly string[];
  readonly members: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly failovers: number;
}

const benchmark = fileURLToPath(new URL("../../../../bench/main.ts", import.meta.url));

export async function compareReal(
  plan: RealPlan,
  tell: (what: string) => void,
): Promise<RealFigures[]> {
  if (!existsSync(benchmark)) {
    throw new CliError(exitCode.failed, "real processes are measured in a checkout of the source", [
      "Without --real the comparison runs anywhere.",
    ]);
  }
  const runs = new Map<string, RealFigures[]>();
  for (let round = 0; round < plan.rounds; round++) {
    for (const protocol of round % 2 === 0 ? plan.protocols : plan.protocols.toReversed()) {
      tell(`real processes, round ${round + 1}: ${protocol}`);
      runs.set(protocol, [...(runs.get(protocol) ?? []), await runBenchmark(plan, protocol)]);
    }
  }
  return plan.protocols.map((protocol) => together(protocol, runs.get(protocol) ?? []));
}

/** A table's rows: the work and the measure, then one cell for each protocol. */
export function realRows(figures: readonly RealFigures[]): string[][] {
  const rows: string[][] = [];
  const add = (label: string, of: (one: RealFigures) => readonly number[]): void => {
    rows.push([label, ...figures.map((one) => middle(of(one)))]);
  };
  for (const name of Object.keys(figures[0]?.work ?? {})) {
    const of = (what: keyof RealWork) => (one: RealFigures) =>
      (one.work[name] ?? []).map((work) => work[what]);
    add(`${name}: calls per second`, of("callsPerSecond"));
    add(`${name}: p50 ms`, of("p50Ms"));
    add(`${name}: p99 ms`, of("p99Ms"));
    add(`${name}: CPU s per 10,000 calls, all members`, of("cpuSecondsPer10k"));
    add(`${name}: load generator, % of a core`, of("generatorCpuPercent"));
    add(`${name}: calls that failed`, of("failed"));
  }
  add("leader killed: ms without an answer", (one) => one.killMs);
  add("leader frozen: ms without an answer", (one) => one.freezeMs);
  return rows;
}

async function runBenchmark(plan: RealPlan, protocol: string): Promise<RealFigures> {
  const folder = mkdtempSync(join(tmpdir(), "althing-compare-"));
  const file = join(folder, "measured.json");
  try {
    await spawnNode([
      benchmark,
      ...["--only", "put,failover", "--rounds", "1", "--json", file],
      ...["--seconds", String(plan.seconds), "--failovers", String(plan.failovers)],
      ...["--members", String(plan.members), `--member-args=--protocol ${protocol}`],
    ]);
    return figuresIn(protocol, JSON.parse(readFileSync(file, "utf8")) as Measured);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the benchmark writes, as far as it is read here. */
interface Measured {
  readonly rows: Readonly<
    Record<
      string,
      {
        readonly althing: readonly {
          readonly cpuSecondsPer10k: number;
          readonly load: {
            readonly callsPerSecond: number;
            readonly failed: number;
            readonly generatorCpuPercent: number;
            readonly latency: { readonly p50Ms: number; readonly p99Ms: number };
          };
        }[];
      }
    >
  >;
  readonly failover: {
    readonly althing?: { readonly killMs: readonly number[]; readonly freezeMs: readonly number[] };
  };
}

function figuresIn(protocol: string, measured: Measured): RealFigures {
  const work = Object.entries(measured.rows).map(([name, { althing }]) => [
    name,
    althing.map(({ load, cpuSecondsPer10k }) => ({
      callsPerSecond: load.callsPerSecond,
      p50Ms: load.latency.p50Ms,
      p99Ms: load.latency.p99Ms,
      failed: load.failed,
      generatorCpuPercent: load.generatorCpuPercent,
      cpuSecondsPer10k,
    })),
  ]);
  const { killMs = [], freezeMs = [] } = measured.failover.althing ?? {};
  return { protocol, work: Object.fromEntries(work), killMs, freezeMs };
}

function together(protocol: string, runs: readonly RealFigures[]): RealFigures {
  const names = Object.keys(runs[0]?.work ?? {});
  return {
    protocol,
    work: Object.fromEntries(
      names.map((name) => [name, runs.flatMap((run) => run.work[name] ?? [])]),
    ),
    killMs: runs.flatMap((run) => run.killMs),
    freezeMs: runs.flatMap((run) => run.freezeMs),
  };
}

/** The median, and the ends where there are several. */
function middle(values: readonly number[]): string {
  const sorted = [...values].sort((left, right) => left - right);
  const [least] = sorted;
  if (least === undefined) return "-";
  const median = sorted[sorted.length >> 1] as number;
  const most = sorted.at(-1) as number;
  return least === most ? String(median) : `${median} (${least} to ${most})`;
}

function spawnNode(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (part: Buffer) => {
    said = `${said}${part.toString()}`.slice(-2000);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      const how = signal ?? `exit code ${code}`;
      const lines = said.trim().split("\n");
      if (code === 0) resolve();
      else reject(new CliError(exitCode.failed, `the benchmark failed: ${how}`, lines));
    });
  });
}
