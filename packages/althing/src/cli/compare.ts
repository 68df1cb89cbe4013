// `althing compare`: raft, paxos and zab under the same work and the same faults, side by side, in the
// simulator's world. The simulator is loaded only when it is asked for.

import { writeFileSync } from "node:fs";
import type { Comparison } from "@althing/simulator";
import { type Command, parseOptions, usageError, wholeNumber } from "./command.ts";
import { compareReal, realRows } from "./compare-real.ts";
import { CliError, exitCode } from "./exit-codes.ts";
import { formatTable, writeLine } from "./print.ts";

const names = ["raft", "paxos", "zab"] as const;
type Name = (typeof names)[number];

export const compareCommand: Command = {
  name: "compare",
  summary: "Measure raft, paxos and zab side by side",
  usage: "compare [options]",
  about: `Runs the same work and the same faults on all three protocols in the simulated world and prints what
they cost: messages, bytes, fsyncs and round trips per commit, the time without an answer after the
leader's death, what a recovery sends, and three partial partitions. Nothing is random but the
election timeouts, and those come from the seed: the same options give the same figures.
With --real, real processes under load instead (puts of 1, 100 and 1,000 clients) and leaders killed and
frozen: a benchmark, whose figures depend on the machine. It needs a checkout of the source.`,
  options: [
    {
      name: "protocols",
      kind: "text",
      value: "NAMES",
      help: "Only these, separated by commas (default raft,paxos,zab)",
    },
    {
      name: "members",
      kind: "text",
      value: "N",
      help: "Members in calm and in crashes (default 3); the partitions have 5, 5 and 3",
    },
    { name: "runs", kind: "text", value: "N", help: "Runs of each fault (default 15)" },
    { name: "seed", kind: "text", value: "N", help: "Seed of the first run (default 1)" },
    {
      name: "real",
      kind: "boolean",
      help: "Measure real processes instead of simulated ones",
    },
    {
      name: "rounds",
      kind: "text",
      value: "N",
      help: "--real: rounds, the protocols in turns (default 3)",
    },
    {
      name: "seconds",
      kind: "text",
      value: "N",
      help: "--real: measured seconds for each number of clients (default 4)",
    },
    { name: "json", kind: "text", value: "FILE", help: "Write every figure to FILE" },
    { name: "svg", kind: "text", value: "FILE", help: "Write a chart to FILE (simulated only)" },
    { name: "help", short: "h", kind: "boolean", help: "This text" },
  ],
  examples: [
    { command: "althing compare", what: "everything, in about two minutes" },
    { command: "althing compare --runs 1", what: "a look, in a quarter of one" },
    { command: "althing compare --real", what: "real processes on this machine" },
    {
      command: "althing compare --members 5 --json five.json --svg five.svg",
      what: "for keeping",
    },
  ],
  async run(args) {
    const parsed = parseOptions(compareCommand, args);
    if (parsed.words.length > 0) {
      throw usageError(compareCommand, `there is nothing to do with "${parsed.words[0]}"`);
    }
    const count = (name: string, fallback: number, least: number, most: number): number => {
      if (parsed.text(name) === undefined) return fallback;
      const value = wholeNumber(compareCommand, parsed, name);
      if (value >= least && value <= most) return value;
      throw usageError(compareCommand, `--${name} must be from ${least} to ${most}`);
    };
    const protocols = protocolsOf(parsed.text("protocols"));
    const json = parsed.text("json");
    const svg = parsed.text("svg");
    if (parsed.flag("real")) {
      if (svg !== undefined) throw usageError(compareCommand, "--svg draws simulated figures only");
      const real = {
        protocols,
        members: count("members", 3, 3, 9),
        rounds: count("rounds", 3, 1, 100),
        seconds: count("seconds", 4, 1, 600),
        failovers: 2,
      };
      const measured = await compareReal(real, tellProgress);
      tellProgress("");
      writeLine(formatTable(["", ...protocols], realRows(measured)));
      if (json !== undefined)
        write(json, `${JSON.stringify({ ...real, measured }, undefined, 2)}\n`);
      return 0;
    }
    const { ComparisonFailed, compare, defaultPlan, drawComparison, rowsOf } = await import(
      "@althing/simulator"
    );
    const plan = {
      ...defaultPlan,
      protocols,
      members: count("members", defaultPlan.members, 3, 9),
      runs: count("runs", defaultPlan.runs, 1, 1000),
      seed: count("seed", defaultPlan.seed, 0, 2 ** 48),
    };
    let comparison: Comparison;
    try {
      comparison = compare({ ...plan, onProgress: tellProgress });
    } catch (error) {
      if (!(error instanceof ComparisonFailed)) throw error;
      throw new CliError(exitCode.failed, `the comparison is void: ${error.message}`);
    } finally {
      tellProgress("");
    }
    let group = "";
    const rows = rowsOf(comparison).flatMap((row) => {
      const cells = [`  ${row.label}`, ...row.values.map(({ text }) => text)];
      if (row.group === group) return [cells];
      group = row.group;
      return [[group], cells];
    });
    writeLine(formatTable(["", ...protocols], rows));
    if (json !== undefined) write(json, `${JSON.stringify(comparison, undefined, 2)}\n`);
    if (svg !== undefined) write(svg, drawComparison(comparison));
    return 0;
  },
};

function protocolsOf(text: string | undefined): readonly Name[] {
  if (text === undefined) return names;
  const asked = text.split(",");
  const unknown = asked.find((name) => !names.some((known) => known === name));
  if (unknown !== undefined) {
    throw usageError(
      compareCommand,
      `there is no protocol "${unknown}"; there are ${names.join(", ")}`,
    );
  }
  return names.filter((name) => asked.includes(name));
}

function tellProgress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(exitCode.failed, `${file} cannot be written: ${reason}`);
  }
}
