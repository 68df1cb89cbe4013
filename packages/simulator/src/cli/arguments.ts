// The command line of `althing sim`, read into one plain value or one clear complaint.

import {
  type ActorKind,
  actorKinds,
  type FaultSwitch,
  faultSwitches,
  type ProtocolName,
  parseSeed,
  protocolNames,
  type Seed,
} from "@althing/simulator";

export interface SimulatorArguments {
  readonly command: "explore" | "shrink" | "run" | "help";
  readonly files: readonly string[];
  readonly protocol: ProtocolName;
  /** One seed, with everything told; undefined: many. */
  readonly seed: Seed | undefined;
  readonly from: Seed;
  readonly seeds: number | undefined;
  readonly minutes: number | undefined;
  readonly members: number | undefined;
  readonly seconds: number | undefined;
  readonly without: readonly FaultSwitch[];
  readonly lyingDisks: boolean;
  /** Undefined: the seed decides. */
  readonly reads: "quorum" | "lease" | undefined;
  readonly engine: "disk" | "memory" | undefined;
  readonly actors: readonly ActorKind[] | undefined;
  /** Paxos: as given on the command line, "4,2". */
  readonly paxosQuorums: { readonly prepare: number; readonly accept: number } | undefined;
  readonly trace: boolean;
  readonly svg: string | undefined;
  readonly out: string | undefined;
  readonly json: boolean;
  readonly keepGoing: boolean;
  readonly workers: number | undefined;
  readonly tries: number;
}

export class UsageError extends Error {}

export function parseArguments(argv: readonly string[]): SimulatorArguments {
  const values = new Map<string, string>();
  const flags = new Set<string>();
  const words: string[] = [];
  const takesValue = new Set([
    "protocol",
    "seed",
    "seeds",
    "from",
    "minutes",
    "members",
    "seconds",
    "faults",
    "actors",
    "reads",
    "engine",
    "paxos-quorums",
    "svg",
    "out",
    "workers",
    "tries",
  ]);
  const plain = new Set([
    "trace",
    "json",
    "keep-going",
    "lying-disks",
    "help",
    ...faultSwitches.map((name) => `no-${name}`),
  ]);
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === "-h") flags.add("help");
    else if (!word.startsWith("--")) words.push(word);
    else {
      const [name = "", inline] = word.slice(2).split(/=(.*)/s, 2);
      if (plain.has(name)) flags.add(name);
      else if (takesValue.has(name)) {
        const value = inline ?? argv[++i];
        if (value === undefined) throw new UsageError(`--${name} needs a value`);
        values.set(name, value);
      } else throw new UsageError(`there is no option --${name}`);
    }
  }
  const [first, ...rest] = words;
  const command = first === "shrink" || first === "run" ? first : "explore";
  const files = command === "explore" ? words : rest;
  if (command === "explore" && files.length > 0) {
    throw new UsageError(`there is nothing to do with "${files[0]}"`);
  }
  const protocol = values.get("protocol") ?? "raft";
  if (!protocolNames.includes(protocol as ProtocolName)) {
    throw new UsageError(`--protocol is one of ${protocolNames.join(", ")}`);
  }
  return {
    command: flags.has("help") ? "help" : command,
    files,
    protocol: protocol as ProtocolName,
    seed: seedOf(values, "seed"),
    from: seedOf(values, "from") ?? 1n,
    seeds: numberOf(values, "seeds", 1, 1e12),
    minutes: numberOf(values, "minutes", 0.001, 1e6),
    members: numberOf(values, "members", 1, 7),
    seconds: numberOf(values, "seconds", 1, 100_000),
    without: withoutOf(values, flags),
    lyingDisks: flags.has("lying-disks"),
    reads: oneOf(values, "reads", ["quorum", "lease"]),
    engine: oneOf(values, "engine", ["disk", "memory"]),
    actors: actorsOf(values),
    paxosQuorums: quorumsOf(values),
    trace: flags.has("trace"),
    svg: values.get("svg"),
    out: values.get("out"),
    json: flags.has("json"),
    keepGoing: flags.has("keep-going"),
    workers: numberOf(values, "workers", 1, 256),
    tries: numberOf(values, "tries", 1, 1e6) ?? 400,
  };
}

/** The one command that replays a run. */
export function replayCommand(args: SimulatorArguments, seed: Seed): string {
  const parts = ["althing sim", "--protocol", args.protocol, "--seed", `${seed}`];
  if (args.members !== undefined) parts.push("--members", `${args.members}`);
  if (args.seconds !== undefined) parts.push("--seconds", `${args.seconds}`);
  const kept = faultSwitches.filter((name) => !args.without.includes(name));
  if (kept.length < faultSwitches.length / 2) {
    parts.push("--faults", kept.length === 0 ? "none" : kept.join(","));
  } else {
    for (const name of args.without) parts.push(`--no-${name}`);
  }
  if (args.lyingDisks) parts.push("--lying-disks");
  if (args.reads !== undefined) parts.push("--reads", args.reads);
  if (args.engine !== undefined) parts.push("--engine", args.engine);
  if (args.actors !== undefined) {
    parts.push("--actors", args.actors.length === 0 ? "none" : args.actors.join(","));
  }
  if (args.paxosQuorums !== undefined) {
    parts.push("--paxos-quorums", `${args.paxosQuorums.prepare},${args.paxosQuorums.accept}`);
  }
  return parts.join(" ");
}

function quorumsOf(
  values: ReadonlyMap<string, string>,
): { readonly prepare: number; readonly accept: number } | undefined {
  const text = values.get("paxos-quorums");
  if (text === undefined) return undefined;
  const match = /^([1-7]),([1-7])$/.exec(text);
  if (match === null) throw new UsageError("--paxos-quorums is two numbers, like 4,2");
  return { prepare: Number(match[1]), accept: Number(match[2]) };
}

function oneOf<T extends string>(
  values: ReadonlyMap<string, string>,
  name: string,
  choices: readonly T[],
): T | undefined {
  const text = values.get(name);
  const chosen = choices.find((choice) => choice === text);
  if (text === undefined || chosen !== undefined) return chosen;
  throw new UsageError(`--${name} is ${choices.join(" or ")}`);
}

function actorsOf(values: ReadonlyMap<string, string>): ActorKind[] | undefined {
  const text = values.get("actors");
  if (text === undefined) return undefined;
  const chosen = text === "none" ? [] : text.split(",");
  for (const name of chosen) {
    if (!actorKinds.includes(name as ActorKind)) {
      throw new UsageError(`--actors takes a list of ${actorKinds.join(",")} or "none"`);
    }
  }
  return actorKinds.filter((name) => chosen.includes(name));
}

function seedOf(values: ReadonlyMap<string, string>, name: string): Seed | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  const seed = parseSeed(text);
  if (seed === undefined) throw new UsageError(`--${name} is a whole number of 64 bits`);
  return seed;
}

function numberOf(
  values: ReadonlyMap<string, string>,
  name: string,
  low: number,
  high: number,
): number | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  const whole = name === "minutes" || name === "seconds" || Number.isInteger(value);
  if (!whole || !(value >= low && value <= high)) {
    throw new UsageError(`--${name} is a number from ${low} to ${high}`);
  }
  return value;
}

function withoutOf(values: ReadonlyMap<string, string>, flags: ReadonlySet<string>): FaultSwitch[] {
  const only = values.get("faults");
  if (only !== undefined) {
    const chosen = only === "none" ? [] : only.split(",");
    for (const name of chosen) {
      if (!faultSwitches.includes(name as FaultSwitch)) {
        throw new UsageError(`--faults takes a list of ${faultSwitches.join(",")} or "none"`);
      }
    }
    return faultSwitches.filter((name) => !chosen.includes(name));
  }
  return faultSwitches.filter((name) => flags.has(`no-${name}`));
}
