// How long clients wait because of a fault. Each member is asked for a put at a steady pace, whatever
// became of the ones before; the longest time in which nobody at all was answered is what the fault
// cost those who came anew, and the longest wait of a put that was under way what it cost the others.

import type { Machine } from "../cluster/machine.ts";
import type { Stage } from "./stage.ts";
import { rounded } from "./steady.ts";

export interface Availability {
  /** The longest time without any commit, to the end of the window if there was none to its end. */
  readonly gapMs: number;
  /** Longest time until a put that was under way at a surviving member when it struck was answered. */
  readonly strandedMs: number;
  /** Puts that were answered, in the window. */
  readonly commits: number;
  /** Whether puts were answered in its last quarter: the cluster lives with the fault. */
  readonly lives: boolean;
  /** Members whose own client was answered in that quarter. */
  readonly served: number;
  readonly leaderChanges: number;
}

interface Call {
  readonly at: number;
  readonly by: Machine;
  ended: number;
  applied: boolean;
}

const paceMicros = 20_000;

/** Lets `strike` happen under load and watches for `windowMs`. */
export function watchFault(stage: Stage, strike: () => void, windowMs: number): Availability {
  const { world, meter } = stage;
  const calls: Call[] = [];
  const everyPace = (machine: Machine): void => {
    const call: Call = {
      at: world.now,
      by: machine,
      ended: Number.POSITIVE_INFINITY,
      applied: false,
    };
    if (machine.process !== undefined) calls.push(call);
    stage.put(machine, (outcome) => {
      call.ended = world.now;
      call.applied = outcome?.kind === "applied";
    });
    world.after(paceMicros, undefined, () => everyPace(machine));
  };
  for (const machine of stage.cluster.machines) everyPace(machine);
  stage.run(1_000_000);
  const leadersBefore = meter.leaders;
  strike();
  const start = world.now;
  const end = start + windowMs * 1000;
  stage.run(windowMs * 1000);
  const answers = calls
    .filter((call) => call.applied && call.ended > start)
    .sort((left, right) => left.ended - right.ended);
  const late = answers.filter((call) => call.ended > end - windowMs * 250);
  const stranded = calls.filter((call) => {
    return call.at <= start && call.ended > start && call.by.process !== undefined;
  });
  return {
    gapMs: longestGap([start, ...answers.map((call) => call.ended), end]),
    strandedMs: Math.round(
      Math.max(0, ...stranded.map((call) => Math.min(call.ended, end) - start)) / 1000,
    ),
    commits: answers.length,
    lives: late.length > 0,
    served: new Set(late.map((call) => call.by)).size,
    leaderChanges: meter.leaders - leadersBefore,
  };
}

function longestGap(times: readonly number[]): number {
  const gaps = times.slice(1).map((time, before) => time - (times[before] as number));
  return Math.round(gaps.reduce((most, gap) => Math.max(most, gap), 0) / 1000);
}

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((left, right) => left - right);
  return {
    median: rounded(sorted[sorted.length >> 1] ?? Number.NaN),
    least: rounded(sorted[0] ?? Number.NaN),
    most: rounded(sorted.at(-1) ?? Number.NaN),
  };
}
