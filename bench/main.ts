// `npm run bench`: the same load against clusters of real processes on this machine, alternating A B A B so
// that what else the machine does falls on both alike. Prints a table with ratios, writes JSON.

import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import type { Cluster } from "../test/cluster/cluster.ts";
import { type Program, whyMissing } from "../test/cluster/program.ts";
import { type FailoverResult, measureFailover } from "./failover.ts";
import { type HoldingResult, measureHolding } from "./holdings.ts";
import { formatReport, type PeakMemory } from "./report.ts";
import { measureRow, type Row, type RowResult, rows } from "./rows.ts";
import { startBenchCluster } from "./subject.ts";

const help = `Usage: npm run bench -- [options]

Runs load against a cluster of Althing and, with --compare, against another program's cluster in the
same run, alternating between them. Every number is the median of the rounds.

  --compare etcd        also measure etcd (must be installed) and print ratios
  --program NAME        what to measure: althing (default) or etcd
  --only ROWS           only these (put means all of put-*): ${rows.map((row) => row.name).join(", ")},
                        holding (memory and restart with many keys), failover
  --rounds N            rounds per row (default 3)
  --seconds N           measured seconds per round and row (default 1.5)
  --members N           members of a cluster (default 3)
  --failovers N         kills and freezes of the leader, each (default 3)
  --held-keys N         keys that are held for the memory and restart rows (default 1000000)
  --restarts N          restarts with these keys, of a member of the cluster and of one alone (default 2)
  --target all|leader   where clients connect: spread over all members (default) or the leader only
  --value-bytes N       size of a value (default 256)
  --keys N              how many different keys (default 10000)
  --quick               1 round, 1 failover, 100000 held keys, 1 restart: to see that it runs, not to quote
  --json FILE           write everything measured to FILE
  --markdown FILE       write the table to FILE as well
  --member-args "..."   more flags for Althing's members
  --help                this text

The load comes from a process of its own. A row whose generator used more than 90 % of a core is
marked with *: then the generator, not the server, may be the limit.
`;

const { values: options } = parseArgs({
  options: {
    compare: { type: "string" },
    program: { type: "string", default: "althing" },
    only: { type: "string" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    members: { type: "string", default: "3" },
    failovers: { type: "string" },
    target: { type: "string", default: "all" },
    "value-bytes": { type: "string", default: "256" },
    keys: { type: "string", default: "10000" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    markdown: { type: "string" },
    "held-keys": { type: "string" },
    restarts: { type: "string" },
    "member-args": { type: "string", default: "" },
    help: { type: "boolean", default: false },
  },
});

if (options.help) {
  process.stdout.write(help);
  process.exit(0);
}

const programs = [options.program, options.compare].filter(
  (name): name is Program => name === "althing" || name === "etcd",
);
if (programs.length !== (options.compare === undefined ? 1 : 2) || !isTarget(options.target)) {
  process.stderr.write(`unknown program or target\n\n${help}`);
  process.exit(2);
}
for (const program of programs) {
  const why = whyMissing(program);
  if (why !== undefined) {
    process.stderr.write(`cannot measure ${program}: ${why}\n`);
    process.exit(2);
  }
}

const rounds = Number(options.rounds ?? (options.quick ? 1 : 3));
const seconds = Number(options.seconds ?? 1.5);
const failovers = Number(options.failovers ?? (options.quick ? 1 : 3));
const heldKeys = Number(options["held-keys"] ?? (options.quick ? 100_000 : 1_000_000));
const restarts = Number(options.restarts ?? (options.quick ? 1 : 2));
const members = Number(options.members);
const target = options.target;
const rowConditions = {
  seconds,
  target,
  valueBytes: Number(options["value-bytes"]),
  keys: Number(options.keys),
};
const wanted = options.only?.split(",") ?? [""];
const isWanted = (name: string) =>
  wanted.some((start) => `${name}-`.startsWith(start && `${start}-`));
const chosen = rows.filter((row) => isWanted(row.name));

const results = new Map<string, Map<Program, RowResult[]>>();
const peaks = new Map<Program, PeakMemory>();
for (const program of programs) {
  // What a program leaves behind for its next start (pages of its file, compiled sources), it has left.
  await using _warm = await startBenchCluster(program, 1, memberArgs(program));
}
for (let round = 1; round <= rounds && chosen.length > 0; round++) await measureRound(round);

const holding = new Map<number, Map<Program, HoldingResult>>();
if (isWanted("holding")) {
  for (const size of new Set([members, 1])) {
    const byProgram = new Map<Program, HoldingResult>();
    holding.set(size, byProgram);
    for (const program of programs) {
      say(`${heldKeys} keys on ${size} of ${program}, ${restarts} restarts`);
      const held = await measureHolding(program, {
        members: size,
        keys: heldKeys,
        valueBytes: rowConditions.valueBytes,
        restarts,
        args: memberArgs(program),
      });
      byProgram.set(program, held);
      say(`  restarts: ${held.restartMs.join(", ")} ms`);
    }
  }
}

const failoverResults = new Map<Program, FailoverResult>();
if (isWanted("failover") && members >= 3) {
  for (const program of programs) {
    say(`failover of ${program}: ${failovers} kills, ${failovers} freezes`);
    failoverResults.set(
      program,
      await measureFailover(program, members, failovers, memberArgs(program)),
    );
  }
}

const conditions = {
  date: new Date().toISOString(),
  cpus: `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}`,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  command: `npm run bench -- ${process.argv.slice(2).join(" ")}`,
  members,
  rounds,
  ...rowConditions,
  heldKeys,
};
const report = { conditions, programs, rows: results, peaks, holding, failover: failoverResults };
const text = formatReport(report);
process.stdout.write(text);
if (options.markdown !== undefined) writeTo(options.markdown, text);
if (options.json !== undefined) {
  writeTo(options.json, `${JSON.stringify(report, plainMaps, 2)}\n`);
}

function writeTo(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function memberArgs(program: Program): string[] {
  return program === "althing" ? options["member-args"].split(" ").filter(Boolean) : [];
}

/** Fresh clusters per round, all up at once, each row measured on one right after the other. */
async function measureRound(round: number): Promise<void> {
  await using clusters = new AsyncDisposableStack();
  const subjects: { readonly program: Program; readonly cluster: Cluster }[] = [];
  for (const program of programs) {
    subjects.push({
      program,
      cluster: clusters.use(await startBenchCluster(program, members, memberArgs(program))),
    });
  }
  for (const row of chosen) {
    // Who goes first changes, so that neither always finds the machine as the other left it.
    for (const { program, cluster } of round % 2 === 1 ? subjects : subjects.toReversed()) {
      const result = await measureRow(cluster, row, rowConditions);
      remember(row, program, result);
      say(
        `round ${round} ${program} ${row.name}: ${result.load.callsPerSecond} ${row.unit}/s, ${result.cpuSecondsPer10k} s/10k`,
      );
      for (const failure of result.load.failures) say(`  failed: ${failure}`);
    }
  }
  for (const { program, cluster } of subjects) {
    const bytes = cluster.members.map((member) => member.residentBytesMax());
    const before = peaks.get(program) ?? { largest: 0, sum: 0 };
    peaks.set(program, {
      largest: Math.max(before.largest, ...bytes),
      sum: Math.max(
        before.sum,
        bytes.reduce((sum, one) => sum + one, 0),
      ),
    });
  }
}

function remember(row: Row, program: Program, result: RowResult): void {
  const byProgram = results.get(row.name) ?? new Map<Program, RowResult[]>();
  results.set(row.name, byProgram);
  byProgram.set(program, [...(byProgram.get(program) ?? []), result]);
}

function isTarget(name: string): name is "all" | "leader" {
  return name === "all" || name === "leader";
}

function plainMaps(_key: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
