// npm run campaign -- --hours N | --minutes N [--protocol P] [--only LIST] [--workers N] [--seed N] [--out DIR]
// npm run campaign -- --reach --minutes N [--protocol P] [--workers N] [--seed N] [--out DIR]
//
// Runs everything that hunts for bugs, in turns, on all cores: simulated worlds, random plans over the cores,
// explorations, known bugs put back, fuzzing (`--only seeds,plans,explore,mutants,fuzz`). What is drawn is drawn from a
// fresh seed, which is printed. What fails is kept in DIR/bugs (default `.campaign/<commit>`), each bug once. The same
// command goes on where it was; the time is that of all sittings together. Ends with 1 when something failed, with 130
// when it was interrupted before that. `--reach` tells instead what plans and seeds reach of the cores in so much time, and
// what not.

import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type ProtocolName, protocolNames } from "@althing/simulator";
import { Bugs } from "./bugs.ts";
import { Campaign } from "./campaign.ts";
import { huntersOf, machineries } from "./hunters.ts";
import { type Ledger, newLedger, readLedger } from "./ledger.ts";
import { reportReach } from "./reach/report.ts";
import { progressLine, summaryJson, summaryText } from "./summary.ts";
import { codeVersion } from "./version.ts";

const exitCode = { failed: 1, usage: 3, interrupted: 130 } as const;
const options = readOptions();
const version = codeVersion();
const folder = options.out ?? join(".campaign", version);
if (options.reach) {
  await tellReach();
  process.exit();
}
const ledger = openLedger();
const say = (line: string) => {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  process.stderr.write(`${line}\n`);
};
const campaign = new Campaign(huntersOf(options, ledger), ledger, new Bugs(folder, ledger.bugs), {
  folder,
  totalMs: options.minutes * 60_000,
  workers: options.workers,
  say,
  whyStale: () => (codeVersion() === version ? undefined : "the code has changed meanwhile"),
});
process.once("SIGINT", () => campaign.stop("interrupted"));
process.once("SIGTERM", () => campaign.stop("interrupted"));
say(`seed ${ledger.seed}, ${options.workers} workers, in ${folder}`);
const progress = setInterval(tellProgress, process.stderr.isTTY ? 1000 : 60_000);
const why = await campaign.run();
clearInterval(progress);
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
writeFileSync(join(folder, "summary.json"), summaryJson(ledger, options.workers));
const text = summaryText(ledger, options.workers);
writeFileSync(join(folder, "summary.txt"), `${text}\n`);
console.log(text);
if (why !== undefined) console.log(`NOT to its end: ${why}; the same command goes on`);
if (ledger.bugs.length > 0) process.exitCode = exitCode.failed;
else if (why !== undefined) process.exitCode = exitCode.interrupted;

async function tellReach(): Promise<void> {
  const { minutes, workers, protocol, seed = freshSeed() } = options;
  const protocols = protocol === undefined ? protocolNames : [protocol];
  const seconds = (60 * minutes * Math.min(workers, protocols.length)) / protocols.length;
  const report = await reportReach(protocols, { seconds, seed, workers });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "reach.txt"), `${report.text}\n`);
  writeFileSync(join(folder, "reach.json"), `${JSON.stringify(report.looks)}\n`);
  console.log(report.text);
  if (report.isBroken) process.exitCode = exitCode.failed;
}

function tellProgress(): void {
  const line = progressLine(ledger, campaign.leftMs);
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}

function openLedger(): Ledger {
  mkdirSync(folder, { recursive: true });
  const known = readLedger(folder);
  if (known === undefined) return newLedger(version, options.seed ?? freshSeed());
  if (known.version !== version) {
    refuse(
      `${folder} is a campaign of ${known.version}, and the code is ${version}: give another --out`,
    );
  }
  if (options.seed !== undefined && options.seed !== known.seed) {
    refuse(`${folder} is a campaign of seed ${known.seed}: give another --out`);
  }
  return known;
}

function readOptions() {
  const { values } = parse();
  const minutes = values.hours === undefined ? values.minutes : `${60 * Number(values.hours)}`;
  if (minutes === undefined) return refuse("--hours N or --minutes N says how long");
  const protocol = protocolNames.find((name) => name === values.protocol);
  if (values.protocol !== undefined && protocol === undefined) {
    return refuse(`--protocol is one of ${protocolNames.join(", ")}`);
  }
  const only = values.only?.split(",") ?? machineries;
  if (!only.every((name) => machineries.some((known) => known === name))) {
    return refuse(`--only takes a list of ${machineries.join(",")}`);
  }
  return {
    reach: values.reach,
    only: machineries.filter((name) => only.includes(name)),
    minutes: numberOf("--hours or --minutes", minutes, 0.001, 1e6),
    workers: Math.floor(
      numberOf("--workers", values.workers ?? `${availableParallelism()}`, 1, 256),
    ),
    seed:
      values.seed === undefined
        ? undefined
        : Math.floor(numberOf("--seed", values.seed, 0, 2 ** 31)),
    protocol: protocol as ProtocolName | undefined,
    out: values.out,
  };
}

function parse() {
  try {
    return parseArgs({
      options: {
        hours: { type: "string" },
        minutes: { type: "string" },
        reach: { type: "boolean", default: false },
        protocol: { type: "string" },
        only: { type: "string" },
        workers: { type: "string" },
        seed: { type: "string" },
        out: { type: "string" },
      },
    });
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function numberOf(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text !== "" && value >= least && value <= most) return value;
  return refuse(`${flag} takes a number from ${least} to ${most}`);
}

function freshSeed(): number {
  return Math.floor(Math.random() * 2 ** 31);
}

function refuse(message: string): never {
  console.error(`campaign: ${message}`);
  process.exit(exitCode.usage);
}
