// `althing sim explore`: every interleaving within bounds, instead of runs that seeds draw.

import { type ProtocolName, protocolNames } from "@althing/simulator";
import {
  type Bounds,
  type Chapter,
  type Exploration,
  exploring,
  noBounds,
  type SuiteName,
  spendableMax,
  suites,
  tellBounds,
} from "@althing/simulator/explore";
import { UsageError } from "./arguments.ts";
import { exitCodes } from "./exit-codes.ts";
import { Watch } from "./watch.ts";

const suiteNames: readonly SuiteName[] = ["small", "large"];
/** How much there is of what no flag bounds. */
const bounds: Bounds = { ...noBounds, terms: 1, entries: 1 };

interface Options {
  readonly protocol: ProtocolName | undefined;
  readonly suite: SuiteName | undefined;
  readonly bounds: Bounds;
  readonly statesMax: number;
  readonly minutes: number;
}

export async function runExhaustive(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  const watch = new Watch(options.minutes);
  try {
    return await (options.suite === undefined ? runOne(options, watch) : runSuite(options, watch));
  } finally {
    watch.close();
  }
}

async function runOne(options: Options, watch: Watch): Promise<number> {
  const { protocol = "raft", bounds, statesMax } = options;
  const started = process.cpuUsage();
  const result = await watch.follow(exploring({ protocol, bounds, statesMax }));
  const { states, moves, depth, memberStates, memberSteps, isComplete } = result;
  process.stdout.write(
    `${protocol}: ${tellBounds(bounds)}\n` +
      `${states} states by ${moves} moves, ${depth} deep; ${memberStates} states of members, ${memberSteps} steps of cores; ${secondsSince(started)} s of a core, ${megabytes()} MB\n` +
      `that two states were taken for one: ${tellChance(result.collisionChance)}\n`,
  );
  if (result.counterexample !== undefined) return tellCounterexample(result);
  process.stdout.write(isComplete ? "all of it is explored\n" : "NOT all of it is explored\n");
  return isComplete ? 0 : exitCodes.undecided;
}

async function runSuite(options: Options, watch: Watch): Promise<number> {
  const { protocol, suite, statesMax } = options;
  const chapters = suites[suite!].filter((one) => (protocol ?? one.protocol) === one.protocol);
  const columns = "protocol | bounds | states | moves deep | seconds of a core | MB | is it all";
  process.stdout.write(`| ${columns} |\n|${" --- |".repeat(7)}\n`);
  let code = 0;
  for (const chapter of chapters) {
    const started = process.cpuUsage();
    const result = await watch.follow(exploring({ ...chapter, statesMax }));
    const verdict = verdictOf(chapter, result);
    const seconds = secondsSince(started);
    const cells = [chapter.protocol, tellBounds(chapter.bounds), result.states, result.depth];
    process.stdout.write(`| ${[...cells, seconds, megabytes(), verdict.text].join(" | ")} |\n`);
    if (result.counterexample !== undefined) return tellCounterexample(result);
    if (code === 0) code = verdict.code;
    if (watch.isStopped) break;
  }
  return code;
}

function verdictOf({ states }: Chapter, { isComplete, ...result }: Exploration) {
  if (result.counterexample !== undefined) return { text: "NO: see below", code: exitCodes.safety };
  if (!isComplete) return { text: "not explored to the end", code: exitCodes.undecided };
  if (result.states === states) return { text: "all", code: 0 };
  return { text: `all, but there were ${states} states before`, code: exitCodes.undecided };
}

function tellCounterexample({ counterexample }: Exploration): number {
  const { broken = [], script = "" } = counterexample ?? {};
  process.stdout.write(`\n${broken.join("\n")}\n\n${script}`);
  return exitCodes.safety;
}

function readOptions(argv: readonly string[]): Options {
  let protocol: ProtocolName | undefined;
  let suite: SuiteName | undefined;
  let statesMax = 200_000_000;
  let minutes = Number.POSITIVE_INFINITY;
  const own: Record<keyof Bounds, number> = { ...bounds };
  for (let i = 0; i < argv.length; i++) {
    const [flag = "", inline] = argv[i]!.split(/=(.*)/s, 2);
    const name = flag.replace(/^--/, "");
    const value = inline ?? argv[++i] ?? "";
    if (name === "protocol") protocol = oneOf(flag, value, protocolNames);
    else if (name === "suite") suite = oneOf(flag, value, suiteNames);
    else if (name === "states") statesMax = numberOf(flag, value, 1, 1e9);
    else if (name === "minutes") minutes = numberOf(flag, value, 0.001, 1e6);
    else if (name === "members") own.members = numberOf(flag, value, 1, 5);
    else if (name === "leases") own.leases = numberOf(flag, value, 0, 1);
    else if (flag.startsWith("--") && name in own) {
      own[name as keyof Bounds] = numberOf(flag, value, 0, spendableMax);
    } else throw new UsageError(`${flag} is not known to explore; see althing sim --help`);
  }
  if (own.joiners >= own.members) throw new UsageError("--joiners leaves no member to join");
  return { protocol, suite, bounds: own, statesMax, minutes };
}

function oneOf<Name extends string>(flag: string, value: string, names: readonly Name[]): Name {
  const known = names.find((name) => name === value);
  if (known !== undefined) return known;
  throw new UsageError(`${flag} is one of ${names.join(", ")}`);
}

function numberOf(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text !== "" && value >= least && value <= most) return value;
  throw new UsageError(`${flag} takes a number from ${least} to ${most}`);
}

/** Of a core, which says the same on a machine that does other work beside. */
function secondsSince(started: NodeJS.CpuUsage): string {
  const { user, system } = process.cpuUsage(started);
  return ((user + system) / 1e6).toFixed(1);
}

function megabytes(): number {
  return Math.round(process.memoryUsage().rss / 2 ** 20);
}

function tellChance(chance: number): string {
  return chance < 1e-9 ? "less than one in 10^9" : `one in ${Math.round(1 / chance)}`;
}
