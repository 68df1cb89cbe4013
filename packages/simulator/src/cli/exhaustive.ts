// `althing sim explore`: every interleaving within bounds, instead of runs that seeds draw.

import { performance } from "node:perf_hooks";
import { type ProtocolName, protocolNames } from "@althing/simulator";
import {
  type Bounds,
  type ExploreOptions,
  explore,
  spendableMax,
} from "@althing/simulator/explore";
import { UsageError } from "./arguments.ts";
import { exitCodes } from "./exit-codes.ts";

/** Flags that bound what may happen, and how much of it there is unless told. */
const bounds = {
  members: 3,
  terms: 1,
  entries: 1,
  crashes: 0,
  drops: 0,
  installs: 0,
  memberships: 0,
  transfers: 0,
  beats: 0,
} as const satisfies Bounds;

export function runExhaustive(argv: readonly string[]): number {
  const options = readOptions(argv);
  const startedMs = performance.now();
  const { onLevel, isOver } = watching(options, startedMs);
  const result = explore({ ...options, onLevel, isOver });
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const megabytes = Math.round(process.memoryUsage().rss / 2 ** 20);
  const { states, moves, depth, memberStates, memberSteps, isComplete, counterexample } = result;
  const spoken = Object.entries(options.bounds).map(([name, count]) => `${name} ${count}`);
  process.stdout.write(
    `${options.protocol}: ${spoken.join(", ")}\n` +
      `${states} states by ${moves} moves, ${depth} deep; ${memberStates} states of members, ${memberSteps} steps of cores; ${seconds} s, ${megabytes} MB\n`,
  );
  if (counterexample !== undefined) {
    process.stdout.write(`\n${counterexample.broken.join("\n")}\n\n${counterexample.script}`);
    return exitCodes.safety;
  }
  process.stdout.write(isComplete ? "all of it is explored\n" : "NOT all of it is explored\n");
  return isComplete ? 0 : exitCodes.undecided;
}

interface Options extends Pick<ExploreOptions, "protocol" | "bounds" | "statesMax"> {
  readonly minutes: number;
}

function readOptions(argv: readonly string[]): Options {
  let protocol: ProtocolName = "raft";
  let statesMax = 20_000_000;
  let minutes = Number.POSITIVE_INFINITY;
  const own: Record<keyof Bounds, number> = { ...bounds };
  for (let i = 0; i < argv.length; i++) {
    const [flag = "", inline] = argv[i]!.split(/=(.*)/s, 2);
    const name = flag.replace(/^--/, "");
    const value = inline ?? argv[++i] ?? "";
    if (name === "protocol") protocol = protocolOf(value);
    else if (name === "states") statesMax = numberOf(flag, value, 1, 1e9);
    else if (name === "minutes") minutes = numberOf(flag, value, 0.001, 1e6);
    else if (name === "members") own.members = numberOf(flag, value, 1, 7);
    else if (flag.startsWith("--") && name in own) {
      own[name as keyof Bounds] = numberOf(flag, value, 0, spendableMax);
    } else throw new UsageError(`${flag} is not known to explore; see althing sim --help`);
  }
  return { protocol, bounds: own, statesMax, minutes };
}

function protocolOf(value: string): ProtocolName {
  const protocol = protocolNames.find((name) => name === value);
  if (protocol !== undefined) return protocol;
  throw new UsageError(`--protocol is one of ${protocolNames.join(", ")}`);
}

function numberOf(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text !== "" && value >= least && value <= most) return value;
  throw new UsageError(`${flag} takes a number from ${least} to ${most}`);
}

function watching({ minutes }: Options, startedMs: number) {
  return {
    isOver: () => performance.now() - startedMs > minutes * 60_000,
    onLevel: (depth: number, states: number, level: number) => {
      if (!process.stderr.isTTY) return;
      process.stderr.write(
        `\r\x1b[K${depth} moves deep: ${states} states, ${level} more to go on from`,
      );
    },
  };
}
