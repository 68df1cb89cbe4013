// A state machine of somebody's own in the hostile world: the members, logs and protocols of production, the
// faults that a seed draws, and the checkers, those of the protocol and those of the machine (judge.ts).

import type { Violation } from "@althing/consensus";
import { createMember, DurableMachine, encodeJson, type Machine } from "@althing/member";
import { Checkers } from "../checkers/checkers.ts";
import { Liveness } from "../checkers/liveness.ts";
import { Verdicts } from "../checkers/verdicts.ts";
import { Cluster } from "../cluster/cluster.ts";
import { ordinalOf } from "../cluster/machine.ts";
import { Nemesis } from "../faults/nemesis.ts";
import { describeState } from "../observe/watch-member.ts";
import type { ProtocolName } from "../options/options.ts";
import { protocolNamed } from "../protocols.ts";
import type { Prng } from "../random/prng.ts";
import { prngOf } from "../random/seed.ts";
import { describeCrash, every, recoder } from "../run.ts";
import { drawScenario } from "../scenario.ts";
import { Trace } from "../trace/trace.ts";
import { World } from "../world/world.ts";
import { MachineClient } from "./client.ts";
import { MachineJudge } from "./judge.ts";

/** Chance that the seed decides: the only kind there is in a simulation. */
export type Random = Pick<Prng, "random" | "below" | "between" | "chance" | "pick">;

export interface SimulateOptions<Command, Result, Own extends Machine<Command, Result>> {
  /** A new one, as on a new member. */
  readonly stateMachine: () => Own;
  /** What a client asks next. */
  readonly workload: (random: Random) => Command;
  /** What is wrong with a state; undefined: nothing. Asked after every command, on every member. */
  readonly invariant?: (machine: Own) => string | undefined;
  /** 1 to N, or those listed; 100 if not given. */
  readonly seeds?: number | readonly (number | bigint)[];
  readonly protocol?: ProtocolName;
  /** What each of three clients asks in a run; 60 if not given. */
  readonly commands?: number;
}

export interface SimulationFailure {
  /** Give it as the only one of `seeds`, and the same happens again. */
  readonly seed: bigint;
  readonly property: string;
  readonly detail: string;
}

export interface Simulated {
  readonly runs: number;
  /** Of all runs together. */
  readonly answered: number;
  readonly faults: number;
  /** The first that there was; nothing was run after it. */
  readonly failure: SimulationFailure | undefined;
}

const clients = 3;
const superviseEveryMicros = 200_000;
const pollEveryMicros = 50_000;
const stepsMax = 30_000_000;

export function simulate<Command, Result, Own extends Machine<Command, Result>>(
  options: SimulateOptions<Command, Result, Own>,
): Simulated {
  const { seeds = 100 } = options;
  const all = typeof seeds === "number" ? Array.from({ length: seeds }, (_, i) => i + 1) : seeds;
  let [runs, answered, faults] = [0, 0, 0];
  for (const given of all) {
    const seed = BigInt(given);
    const run = runSeed(seed, options as unknown as SimulateOptions<unknown, unknown, Machine>);
    runs++;
    answered += run.answered;
    faults += run.faults;
    const { violation } = run;
    if (violation !== undefined) {
      return { runs, answered, faults, failure: { seed, ...violation } };
    }
  }
  return { runs, answered, faults, failure: undefined };
}

interface Run {
  readonly answered: number;
  readonly faults: number;
  readonly violation: Violation | undefined;
}

function runSeed(seed: bigint, options: SimulateOptions<unknown, unknown, Machine>): Run {
  const { protocol: name = "raft" } = options;
  const protocol = protocolNamed(name);
  if (protocol === undefined) throw new RangeError(`there is no protocol ${name}`);
  const scenario = drawScenario({ protocol: name, seed, actors: [], engine: "memory" });
  const settings = scenario.options;
  const prng = prngOf(seed);
  const world = new World();
  const trace = new Trace(() => world.now, false);
  const verdicts = new Verdicts(() => {});
  const checkers = new Checkers(
    verdicts,
    name,
    describeState,
    {
      nameOf: (id) => `m${ordinalOf(id)}`,
      isInDoubt: (id) => cluster.isInDoubt(ordinalOf(id)),
    },
    settings.paxosQuorums?.accept,
    { now: () => world.now, clockSkew: settings.clockSkew },
  );
  const judge = new MachineJudge({
    verdicts,
    reference: options.stateMachine(),
    invariant: options.invariant ?? (() => undefined),
  });
  const cluster: Cluster = new Cluster({
    world,
    trace,
    checkers,
    prng,
    options: settings,
    protocol,
    recode: recoder(protocol, settings.encodeMessages),
    crc32: undefined,
    openMachine: ({ machine, memberOptions }) => {
      const watched = judge.watched(machine.name, options.stateMachine());
      const stateMachine = new DurableMachine(watched, memberOptions.ports.disk);
      const member = createMember({ ...memberOptions, stateMachine });
      member.onApplied((index) => {
        machine.applied = Math.max(machine.applied, index);
      });
      return { member };
    },
  });
  const nemesis = new Nemesis({
    world,
    trace,
    cluster,
    prng: prng.split("nemesis"),
    options: settings,
  });
  const chance = prng.split("workload");
  const commands = options.commands ?? 60;
  const all = Array.from(
    { length: clients },
    (_, i) =>
      new MachineClient(prng.split(`client ${i}`), {
        world,
        judge,
        memberAt: (machine) => cluster.memberAt(machine),
        appliedAt: (ordinal) =>
          cluster.machines[ordinal]?.process?.member.stateMachine.appliedIndex ?? 0,
        machines: settings.voters + settings.learners,
        nextCommand: () => options.workload(chance),
        commands,
        thinkMs: Math.ceil((2 * settings.safetyMs) / commands),
      }),
  );
  const over = (): boolean => !verdicts.clean || world.steps > stepsMax;
  let crash: Violation | undefined;
  let liveness: Violation | undefined;
  try {
    cluster.boot();
    nemesis.plan(scenario.faults);
    for (const client of all) client.start();
    every(world, superviseEveryMicros, () => cluster.supervise());
    world.runUntil(settings.safetyMs * 1000, over);
    if (verdicts.clean) {
      nemesis.heal(scenario.faults);
      const probeOf = () => encodeJson(options.workload(chance));
      const quorums = settings.paxosQuorums;
      const needed = quorums && Math.max(quorums.prepare, quorums.accept);
      const progress = new Liveness(world, cluster, trace, probeOf, needed);
      liveness = awaitProgress(world, progress, settings.livenessMs, over);
    }
  } catch (error) {
    crash = { property: "crash", detail: describeCrash(error) };
  }
  const faults = [...nemesis.struck.values()].reduce((sum, count) => sum + count, 0);
  const answered = all.reduce((sum, client) => sum + client.answered, 0);
  return { answered, faults, violation: verdicts.violations[0] ?? crash ?? liveness };
}

function awaitProgress(
  world: World,
  liveness: Liveness,
  withinMs: number,
  over: () => boolean,
): Violation | undefined {
  let done = false;
  let polledAt = 0;
  world.runUntil(world.now + withinMs * 1000, () => {
    if (over()) return true;
    if (world.now - polledAt < pollEveryMicros) return false;
    polledAt = world.now;
    done = liveness.poll();
    return done;
  });
  if (done || over() || !liveness.demanded) return undefined;
  const detail = `no progress within ${withinMs} ms of healing: ${liveness.describe()}`;
  return { property: "liveness", detail };
}
