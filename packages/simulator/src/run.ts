// One run: a world is made from a seed, options and a plan; it lives through its faults, is healed,
// must make progress, and is judged. The same input gives the same run, event by event.

import type { Protocol, Violation } from "@althing/consensus";
import { decodePeerMessage, encodePeerMessage, type PeerMessage } from "@althing/member";
import { Checkers } from "./checkers/checkers.ts";
import { Verdicts } from "./checkers/verdicts.ts";
import { whyVacuous } from "./checkers/work-done.ts";
import { Cluster, describeError } from "./cluster/cluster.ts";
import { ordinalOf } from "./cluster/machine.ts";
import { Nemesis } from "./faults/nemesis.ts";
import type { Fault } from "./faults/plan.ts";
import { demandOfHealed } from "./healed.ts";
import { checkLinearizability } from "./linearizability/check.ts";
import { describeOperation } from "./linearizability/model.ts";
import { describeState } from "./observe/watch-member.ts";
import type { SimulationOptions } from "./options/options.ts";
import type { Prng } from "./random/prng.ts";
import { prngOf, type Seed } from "./random/seed.ts";
import type { TraceEvent } from "./trace/events.ts";
import { Trace } from "./trace/trace.ts";
import { Actors } from "./workload/actors/actors.ts";
import type { PlannedActor } from "./workload/actors/plan.ts";
import { Client } from "./workload/client.ts";
import { History } from "./workload/history.ts";
import type { PlannedOperation } from "./workload/plan.ts";
import { asRoot, type Service } from "./workload/service.ts";
import { World } from "./world/world.ts";

export interface RunInput {
  readonly protocol: Protocol;
  readonly seed: Seed;
  readonly options: SimulationOptions;
  readonly faults: readonly Fault[];
  readonly operations: readonly PlannedOperation[];
  readonly actors?: readonly PlannedActor[];
  /** CRC-32 (IEEE), continuing from `seed`, where the platform has a fast one. */
  readonly crc32?: (bytes: Uint8Array, seed?: number) => number;
  /** Keeps the events, for people and players. The hash is the same with and without. */
  readonly record?: boolean;
}

export type RunVerdict = "pass" | "vacuous" | "undecided" | "safety" | "liveness" | "crash";

export interface RunResult {
  readonly result: RunVerdict;
  readonly violation: Violation | undefined;
  readonly traceHash: string;
  readonly simulatedMs: number;
  /** Events that ran, and those that went into the hash. */
  readonly steps: number;
  readonly traced: number;
  readonly operations: number;
  readonly answered: number;
  /** Progress after the healing was demanded: what was lost left a majority. */
  readonly progressDemanded: boolean;
  readonly applied: number;
  readonly faults: Readonly<Record<string, number>>;
  /** How often each window was open, and how many crashes fell into it. */
  readonly windows: Readonly<Record<string, { readonly opened: number; readonly struck: number }>>;
  /** How often it was asked what a crash would make of a member. */
  readonly crashesAsked: number;
  readonly linearizabilitySteps: number;
  /** Only when recording. */
  readonly events: readonly TraceEvent[];
  readonly members: readonly string[];
}

const superviseEveryMicros = 200_000;
/** Beside every step of an installation. */
const askedEveryMicros = 1_000_000;
/** A run that needs more than this is stuck in a storm of its own making. */
const stepsMax = 30_000_000;
/** And one in which time does not pass. */
const stepsAtOnceMax = 200_000;
const searchStepsMax = 3_000_000;

export function run(input: RunInput): RunResult {
  const { options, protocol, seed } = input;
  const prng = prngOf(seed);
  const world = new World();
  const trace = new Trace(() => world.now, input.record === true);
  const verdicts = new Verdicts((violation) => {
    trace.text("violation", violation.property, (at) => ({ kind: "violation", at, ...violation }));
  });
  const checkers = new Checkers(
    verdicts,
    options.protocol,
    describeState,
    {
      nameOf: (id) => `m${ordinalOf(id)}`,
      isInDoubt: (id) => cluster.isInDoubt(ordinalOf(id)),
    },
    options.paxosQuorums?.accept,
    { now: () => world.now, clockSkew: options.clockSkew },
  );
  const cluster: Cluster = new Cluster({
    world,
    trace,
    checkers,
    prng,
    options,
    protocol,
    recode: recoder(protocol, options.encodeMessages),
    crc32: input.crc32,
  });
  const history = new History();
  const nemesis = new Nemesis({ world, trace, cluster, prng: prng.split("nemesis"), options });
  const hasAuth = input.actors?.some(({ kind }) => kind === "administrator") === true;
  const serviceAt = (machine: number): Service | undefined => {
    const service = cluster.serviceAt(machine);
    return service !== undefined && hasAuth ? asRoot(service) : service;
  };
  const clients = startClients(input, { world, trace, serviceAt, history, checkers });
  const actors = new Actors(input.actors ?? [], prng.split("actors"), {
    world,
    trace,
    checkers,
    machines: options.voters + options.learners,
    serviceAt,
  });
  let crash: Violation | undefined;
  let liveness: Violation | undefined;
  let vacuous: Violation | undefined;
  let progressDemanded = false;
  let searchSteps = 0;
  let undecided = false;

  const finish = (): RunResult => {
    const violation = verdicts.violations[0] ?? crash ?? liveness ?? vacuous;
    return {
      result: verdictOf(verdicts, crash, liveness, undecided, vacuous),
      violation,
      traceHash: trace.digest,
      simulatedMs: Math.round(world.now / 1000),
      steps: world.steps,
      traced: trace.count,
      operations: input.operations.length,
      answered: history.answered,
      progressDemanded,
      applied: checkers.machine.committed.length - 1,
      faults: Object.fromEntries([...nemesis.struck].sort(([a], [b]) => (a < b ? -1 : 1))),
      windows: cluster.windows.counts(),
      crashesAsked: checkers.afterCrash.asked,
      linearizabilitySteps: searchSteps,
      events: trace.events,
      members: cluster.machines.map((machine) => machine.name),
    };
  };
  const isStuck = (): boolean =>
    world.steps > stepsMax || world.steps - world.stepsBefore > stepsAtOnceMax;
  const over = (): boolean => !verdicts.clean || isStuck();

  try {
    cluster.boot();
    nemesis.plan(input.faults);
    for (const client of clients) client.start();
    actors.start();
    every(world, superviseEveryMicros, () => cluster.supervise());
    askNowAndThen(world, prng.split("asked"), cluster);
    world.runUntil(options.safetyMs * 1000, over);
    if (verdicts.clean) {
      const parts = { world, trace, cluster, nemesis, actors, clients, over };
      const { demanded, violation } = demandOfHealed(input, parts);
      liveness = violation;
      progressDemanded = demanded;
    }
    if (isStuck()) {
      const atOnce = world.steps - world.stepsBefore;
      const detail = `no end after ${world.steps} events, ${atOnce} of them at one moment`;
      crash = { property: "crash", detail };
    }
  } catch (error) {
    crash = { property: "crash", detail: describeCrash(error) };
  }
  if (!verdicts.clean || crash !== undefined) return finish();

  const verdict = checkLinearizability(history.operations(), { stepsMax: searchStepsMax });
  searchSteps = verdict.steps;
  if (verdict.kind === "violation") {
    verdicts.violate(
      "linearizability",
      `no order explains what the clients saw, near:\n  ${verdict.operations
        .map(describeOperation)
        .join("\n  ")}`,
    );
  }
  undecided = verdict.kind === "undecided";
  const work = {
    planned: input.operations.length,
    answered: history.answered,
    progressDemanded,
  };
  vacuous = whyVacuous(work, input.faults, options);
  return finish();
}

function verdictOf(
  verdicts: Verdicts,
  crash: Violation | undefined,
  liveness: Violation | undefined,
  undecided: boolean,
  vacuous: Violation | undefined,
): RunVerdict {
  if (crash !== undefined || verdicts.violations[0]?.property === "crash") return "crash";
  if (!verdicts.clean) return "safety";
  if (liveness !== undefined) return "liveness";
  if (undecided) return "undecided";
  return vacuous === undefined ? "pass" : "vacuous";
}

function startClients(
  input: RunInput,
  parts: {
    readonly world: World;
    readonly trace: Trace;
    readonly serviceAt: (machine: number) => Service | undefined;
    readonly history: History;
    readonly checkers: Checkers;
  },
): Client[] {
  const { world, trace, serviceAt, history, checkers } = parts;
  const { workload, voters, learners } = input.options;
  const prng = prngOf(input.seed).split("clients");
  const plans: PlannedOperation[][] = [];
  for (const operation of input.operations) {
    while (plans.length <= operation.client) plans.push([]);
    plans[operation.client]?.push(operation);
  }
  return plans.map(
    (plan, id) =>
      new Client(id, plan, prng.split(`client ${id}`), {
        world,
        trace,
        history,
        sessions: checkers.sessions,
        workload,
        serviceAt,
        machines: voters + learners,
      }),
  );
}

/**
 * What a real transport does to a message: the receiver's copy is its own. Forwarded payloads are
 * always copied, because the leader writes its time into them.
 */
export function recoder(
  protocol: Protocol,
  encode: boolean,
): (message: PeerMessage) => PeerMessage {
  return (message) => {
    if (encode) return decodePeerMessage(protocol, encodePeerMessage(protocol, message));
    if (message.kind !== "forward") return message;
    return { kind: "forward", payloads: message.payloads.map((payload) => payload.slice()) };
  };
}

/** What a crash would make of this member or that. */
function askNowAndThen(world: World, prng: Prng, cluster: Cluster): void {
  world.after(Math.ceil(askedEveryMicros * prng.random() * 2), undefined, () => {
    cluster.judgeAfterCrash(prng.pick(cluster.machines));
    askNowAndThen(world, prng, cluster);
  });
}

export function every(world: World, micros: number, act: () => void): void {
  world.after(micros, undefined, () => {
    act();
    every(world, micros, act);
  });
}

export function describeCrash(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const where = stack
    .split("\n")
    .slice(1, 6)
    .map((line) => line.trim());
  return [describeError(error), ...where].join("\n  ");
}
