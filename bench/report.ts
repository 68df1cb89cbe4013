// The measured rounds as a table a person reads: medians, the spread where it matters, and ratios in which more
// than 1 always means that the first program is the better one.

import type { Program } from "../test/cluster/program.ts";
import type { FailoverResult } from "./failover.ts";
import type { HoldingResult } from "./holdings.ts";
import { type RowResult, rows } from "./rows.ts";

export interface Report {
  readonly conditions: Readonly<Record<string, string | number>>;
  readonly programs: readonly Program[];
  readonly rows: ReadonlyMap<string, ReadonlyMap<Program, readonly RowResult[]>>;
  /** The most that a member, and that all of them, ever held while the rows were measured. */
  readonly peaks: ReadonlyMap<Program, PeakMemory>;
  /** By the number of members. */
  readonly holding: ReadonlyMap<number, ReadonlyMap<Program, HoldingResult>>;
  readonly failover: ReadonlyMap<Program, FailoverResult>;
}

export interface PeakMemory {
  readonly largest: number;
  readonly sum: number;
}

interface Measure {
  readonly title: string;
  readonly of: (result: RowResult) => number;
  readonly isMoreBetter: boolean;
}

const measures: readonly Measure[] = [
  { title: "calls/s", of: (r) => r.load.callsPerSecond, isMoreBetter: true },
  { title: "p50 ms", of: (r) => r.load.latency.p50Ms, isMoreBetter: false },
  { title: "p99 ms", of: (r) => r.load.latency.p99Ms, isMoreBetter: false },
  { title: "CPU s/10k", of: (r) => r.cpuSecondsPer10k, isMoreBetter: false },
  { title: "RSS MiB", of: (r) => Math.round(r.residentBytes / 2 ** 20), isMoreBetter: false },
];

export function formatReport(report: Report): string {
  const lines: string[][] = [];
  const [first, second] = report.programs;
  for (const [row, byProgram] of report.rows) {
    for (const measure of measures) {
      const values = report.programs.map((program) => {
        return median((byProgram.get(program) ?? []).map(measure.of));
      });
      const isStarved = [...byProgram.values()].flat().some((r) => r.load.generatorCpuPercent > 90);
      const failed = [...byProgram.values()].flat().reduce((sum, r) => sum + r.load.failed, 0);
      const isFirst = measure === measures[0];
      const mark = isFirst && isStarved ? "*" : "";
      const failures = isFirst && failed > 0 ? ` (${failed} failed)` : "";
      lines.push([
        isFirst ? `${row}${mark}${failures}` : "",
        isFirst ? `${unitOf(row)}/s` : measure.title,
        ...values.map(formatNumber),
        ...ratioOf(values, measure.isMoreBetter),
      ]);
    }
  }
  if (report.peaks.size > 0) {
    lines.push(...memoryLines("all rows, peak", report.programs, (p) => report.peaks.get(p)));
  }
  for (const [members, byProgram] of report.holding) {
    lines.push(...holdingLines(members, report.programs, byProgram));
  }
  for (const kind of ["killMs", "freezeMs"] as const) {
    const all = report.programs.map((program) => report.failover.get(program)?.[kind] ?? []);
    if (all.every((times) => times.length === 0)) continue;
    const name = kind === "killMs" ? "failover, kill -9" : "failover, SIGSTOP";
    const medians = all.map(median);
    lines.push([name, "median ms", ...medians.map(formatNumber), ...ratioOf(medians, false)]);
    const spread = all.map((times) => `${Math.min(...times)}–${Math.max(...times)}`);
    lines.push(["", "min–max ms", ...spread, ""]);
  }
  const header = [
    "work",
    "measure",
    first ?? "",
    ...(second === undefined ? [] : [second, "ratio"]),
  ];
  const conditions = Object.entries(report.conditions).map(([name, value]) => `${name}: ${value}`);
  return `${conditions.join("\n")}\n\n${table([header, ...lines])}\n`;
}

function unitOf(row: string): string {
  return rows.find(({ name }) => name === row)?.unit ?? "calls";
}

function memoryLines(
  title: string,
  programs: readonly Program[],
  of: (program: Program) => (PeakMemory & { readonly anonymous?: number }) | undefined,
): string[][] {
  const line = (name: string, measure: string, values: readonly number[]) => [
    name,
    measure,
    ...values.map(formatNumber),
    ...ratioOf(values, false),
  ];
  const looks = programs.map(of);
  const mebibytes = (bytes = Number.NaN) => Math.round(bytes / 2 ** 20);
  const anonymous = looks.map((look) => mebibytes(look?.anonymous));
  return [
    line(
      title,
      "largest RSS MiB",
      looks.map((look) => mebibytes(look?.largest)),
    ),
    line(
      "",
      "summed RSS MiB",
      looks.map((look) => mebibytes(look?.sum)),
    ),
    ...(anonymous.some(Number.isFinite) ? [line("", "largest, anonymous MiB", anonymous)] : []),
  ];
}

function holdingLines(
  members: number,
  programs: readonly Program[],
  byProgram: ReadonlyMap<Program, HoldingResult>,
): string[][] {
  const who = members === 1 ? "a member alone" : `${members} members`;
  const titles = [...byProgram.values()][0]?.memory.map(({ title }) => title) ?? [];
  const lines = titles.flatMap((title) =>
    memoryLines(`${who}, ${title}`, programs, (program) =>
      byProgram.get(program)?.memory.find((look) => look.title === title),
    ),
  );
  const restarts = programs.map((program) => byProgram.get(program)?.restartMs ?? []);
  if (restarts.every((times) => times.length === 0)) return lines;
  const medians = restarts.map(median);
  const name = members === 1 ? "restart, alone" : `restart, one of ${members}`;
  lines.push([name, "median ms", ...medians.map(formatNumber), ...ratioOf(medians, false)]);
  return lines;
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

function ratioOf(values: readonly number[], isMoreBetter: boolean): string[] {
  const [first, second] = values;
  if (first === undefined || second === undefined) return [];
  return [(isMoreBetter ? first / second : second / first).toFixed(2)];
}

function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function table(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => {
    return Math.max(...lines.map((line) => (line[column] ?? "").length));
  });
  const rendered = lines.map((line) => {
    const cells = widths.map((width, column) => {
      const cell = line[column] ?? "";
      return column < 2 ? cell.padEnd(width) : cell.padStart(width);
    });
    return `| ${cells.join(" | ")} |`;
  });
  const rule = `| ${widths.map((width, i) => (i < 2 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  rendered.splice(1, 0, rule);
  return rendered.join("\n");
}
