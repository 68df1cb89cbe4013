// A run spelled out: what a seed draws, as data that can be kept, read, thinned out and replayed.
// Scenario files are this as JSON, with a name, the bug it shows and what to expect.

import { drawFaults } from "./faults/draw.ts";
import type { Fault } from "./faults/plan.ts";
import {
  type FaultSwitch,
  faultSwitches,
  type ProtocolName,
  protocolNames,
  type SimulationOptions,
} from "./options/options.ts";
import { drawOptions } from "./options/swarm.ts";
import { parseSeed, prngOf, type Seed } from "./random/seed.ts";
import { type ActorKind, drawActors, type PlannedActor } from "./workload/actors/plan.ts";
import { drawOperations, type PlannedOperation } from "./workload/plan.ts";

export interface Scenario {
  readonly format: "althing-scenario";
  readonly version: 1;
  readonly name: string;
  /** What it shows, in a sentence; corpus names where there are any. */
  readonly about: string;
  readonly seed: string;
  readonly options: SimulationOptions;
  readonly faults: readonly Fault[];
  readonly operations: readonly PlannedOperation[];
  readonly actors?: readonly PlannedActor[];
}

export interface ScenarioDraw {
  readonly protocol: ProtocolName;
  readonly seed: Seed;
  readonly members?: number;
  readonly safetyMs?: number;
  readonly reads?: "quorum" | "lease";
  readonly engine?: "disk" | "memory";
  /** Kinds of faults that must not happen. */
  readonly without?: readonly FaultSwitch[];
  readonly lyingDisks?: boolean;
  /** Those and no others; the seed decides when left out. */
  readonly actors?: readonly ActorKind[];
  readonly paxosQuorums?: { readonly prepare: number; readonly accept: number };
}

/** Everything that a seed decides. */
export function drawScenario(draw: ScenarioDraw): Scenario {
  const without = new Set(draw.without ?? []);
  const prng = prngOf(draw.seed);
  const options = drawOptions(draw.protocol, prng.split("options"), {
    ...(draw.members === undefined ? {} : { members: draw.members }),
    ...(draw.safetyMs === undefined ? {} : { safetyMs: draw.safetyMs }),
    ...(draw.reads === undefined ? {} : { reads: draw.reads }),
    ...(draw.engine === undefined ? {} : { engine: draw.engine }),
    calmNetwork: without.has("network"),
    calmDisk: without.has("disk"),
    calmClocks: without.has("clock"),
  });
  const allowed = new Set(faultSwitches.filter((name) => !without.has(name)));
  const world = {
    ...options,
    ...(draw.lyingDisks && { lyingDisks: true }),
    ...(draw.paxosQuorums !== undefined && { paxosQuorums: draw.paxosQuorums }),
  };
  return {
    format: "althing-scenario",
    version: 1,
    name: `${draw.protocol}-${draw.seed}`,
    about: "",
    seed: draw.seed.toString(),
    options: world,
    faults: drawFaults(world, prng.split("faults"), allowed),
    operations: drawOperations(world, prng.split("operations")),
    actors: drawActors(world, prng.split("actors"), draw.actors && new Set(draw.actors)),
  };
}

export class ScenarioUnreadable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ScenarioUnreadable";
  }
}

export function parseScenario(text: string): Scenario {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ScenarioUnreadable("not JSON", { cause });
  }
  const scenario = value as Partial<Scenario>;
  if (scenario?.format !== "althing-scenario") {
    throw new ScenarioUnreadable('not a scenario: "format" must be "althing-scenario"');
  }
  if (scenario.version !== 1) {
    throw new ScenarioUnreadable(`version ${scenario.version} is not known here`);
  }
  if (parseSeed(scenario.seed ?? "") === undefined) throw new ScenarioUnreadable("bad seed");
  if (!Array.isArray(scenario.faults) || !Array.isArray(scenario.operations)) {
    throw new ScenarioUnreadable('"faults" and "operations" must be lists');
  }
  if (scenario.actors !== undefined && !Array.isArray(scenario.actors)) {
    throw new ScenarioUnreadable('"actors" must be a list');
  }
  if (!protocolNames.includes(scenario.options?.protocol as ProtocolName)) {
    throw new ScenarioUnreadable('"options.protocol" must be raft, paxos or zab');
  }
  return scenario as Scenario;
}

/** One fault and one operation per line: such files are read and edited by people. */
export function formatScenario(scenario: Scenario): string {
  const { faults, operations, actors, ...rest } = scenario;
  const list = (items: readonly unknown[]): string =>
    items.length === 0
      ? "[]"
      : `[\n    ${items.map((item) => JSON.stringify(item)).join(",\n    ")}\n  ]`;
  const head = JSON.stringify(rest, undefined, 2).replace(/\n}$/, "");
  const others = actors === undefined ? "" : `,\n  "actors": ${list(actors)}`;
  return `${head},\n  "faults": ${list(faults)},\n  "operations": ${list(operations)}${others}\n}\n`;
}
