// What a campaign has done and found: for people, as a table for docs/track-record.md, and for programs.

import { protocolNames } from "@althing/simulator";
import { bugLine } from "./bugs.ts";
import { mutantsCount } from "./hunters/mutants.ts";
import type { Counts, Ledger } from "./ledger.ts";

type Column = (name: string) => string;

export function summaryText(ledger: Ledger, workers: number): string {
  const { version, seed, elapsedMs, counts, bugs, explorations } = ledger;
  const of = (hunter: string): Counts => counts[hunter] ?? {};
  const count = (hunter: string, what: string) => (of(hunter)[what] ?? 0).toLocaleString("en");
  const ran = (machinery: string) => Object.keys(counts).some((one) => one.startsWith(machinery));
  const ofSeeds: [what: string, Column][] = [
    ["seeds", (name) => count(`seeds ${name}`, "runs")],
    ["of them passed", (name) => count(`seeds ${name}`, "pass")],
    ["simulated hours", (name) => ((of(`seeds ${name}`)["simulatedMs"] ?? 0) / 3.6e6).toFixed(1)],
    ["planned work done", (name) => shareOf(of(`seeds ${name}`), "answered", "planned")],
    ["progress not demanded", (name) => count(`seeds ${name}`, "undemanded")],
  ];
  const ofPlans: [what: string, Column][] = [
    ["core plans", (name) => count(`plans ${name}`, "plans")],
    ["moves in them", (name) => count(`plans ${name}`, "moves")],
  ];
  const ofExplorations: [what: string, Column][] = [
    ["states explored", (name) => count(`explore ${name}`, "states")],
    ["explorations, to the end", (name) => exploredOf(of(`explore ${name}`))],
  ];
  const rows = [
    ...(ran("seeds") ? ofSeeds : []),
    ...(ran("plans") ? ofPlans : []),
    ...(ran("explore") ? ofExplorations : []),
  ];
  const shown = protocolNames.filter((name) =>
    Object.keys(counts).some((one) => one.endsWith(name)),
  );
  const table = rows.map(([what, cell]) => [what, ...shown.map(cell)]);
  const ended = explorations.filter(({ isComplete }) => isComplete);
  return [
    `campaign of ${hours(elapsedMs)} on ${workers} workers at ${version}, seed ${seed}`,
    "",
    ...tableLines([["", ...shown], ...table]),
    "",
    ...(ran("mutants")
      ? [
          `mutants: ${count("mutants", "caught")} of ${count("mutants", "hunted")} caught, of ${mutantsCount} that there are`,
        ]
      : []),
    ...(ran("fuzz")
      ? [`fuzzing: ${count("fuzz", "inputs")} inputs in ${count("fuzz", "turns")} turns`]
      : []),
    ...(ended.length === 0 ? [] : ["explored to the end:", ...largest(ledger)]),
    "",
    ...bugs.map(bugLine),
    bugs.length === 0 ? "nothing failed" : `${bugs.length} bugs`,
  ].join("\n");
}

export function summaryJson(ledger: Ledger, workers: number): string {
  return `${JSON.stringify({ workers, mutants: mutantsCount, ...ledger }, undefined, 1)}\n`;
}

export function progressLine(ledger: Ledger, leftMs: number): string {
  const total = (machinery: string, what: string) =>
    Object.entries(ledger.counts)
      .filter(([hunter]) => hunter.startsWith(machinery))
      .reduce((sum, [, counts]) => sum + (counts[what] ?? 0), 0)
      .toLocaleString("en");
  return (
    `${hours(leftMs)} left: ${total("seeds", "runs")} seeds, ${total("plans", "plans")} plans, ` +
    `${total("explore", "states")} states, ${total("mutants", "hunted")} mutants, ` +
    `${total("fuzz", "inputs")} inputs, ${ledger.bugs.length} bugs`
  );
}

function largest({ explorations }: Ledger): string[] {
  return protocolNames.flatMap((protocol) => {
    const own = explorations.filter((one) => one.isComplete && one.protocol === protocol);
    const [most] = own.sort((one, other) => other.states - one.states);
    if (most === undefined) return [];
    return [`  ${protocol}: ${most.states.toLocaleString("en")} states within ${most.bounds}`];
  });
}

function exploredOf(counts: Counts): string {
  return `${counts["explorations"] ?? 0}, ${counts["complete"] ?? 0}`;
}

function shareOf(counts: Counts, part: string, whole: string): string {
  const all = counts[whole] ?? 0;
  return all === 0 ? "-" : `${((100 * (counts[part] ?? 0)) / all).toFixed(0)} %`;
}

function hours(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes < 60) return `${minutes.toFixed(1)} minutes`;
  return `${(minutes / 60).toFixed(1)} hours`;
}

/** In the form of a page's table, so that it can be kept there as it is. */
function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  const [head, ...body] = rows;
  return [line(head!), rule, ...body.map(line)];
}
