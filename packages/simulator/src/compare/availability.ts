// How long clients wait because of a fault. One client per member puts again and again; the longest
// time in which nobody at all was answered is what the fault cost.

import type { Machine } from "../cluster/machine.ts";
import type { Stage } from "./stage.ts";
import { rounded } from "./steady.ts";

export interface Availability {
  /** The longest time without any commit, to the end of the window if there was none to its end. */
  readonly gapMs: number;
  /** Puts that were answered, in the window. */
  readonly commits: number;
  /** Whether puts were answered in its last quarter: the cluster lives with the fault. */
  readonly lives: boolean;
  /** Members whose own client was answered in that quarter. */
  readonly served: number;
  readonly leaderChanges: number;
  readonly messages: number;
  readonly bytes: number;
}

/** A refused client tries again after so long. */
const retryMicros = 20_000;

export function startClients(stage: Stage, answered: (by: Machine) => void): void {
  const { world, cluster } = stage;
  const next = (machine: Machine): void => {
    stage.put(machine, (outcome) => {
      if (outcome?.kind === "applied") answered(machine);
      const wait = outcome?.kind === "applied" ? 0 : retryMicros;
      world.after(wait, undefined, () => next(machine));
    });
  };
  for (const machine of cluster.machines) next(machine);
}

/** Lets `strike` happen under load and watches for `windowMs`. */
export function watchFault(stage: Stage, strike: () => void, windowMs: number): Availability {
  const { world, meter } = stage;
  const answers: { readonly at: number; readonly by: Machine }[] = [];
  startClients(stage, (by) => answers.push({ at: world.now, by }));
  stage.run(1_000_000);
  const leadersBefore = meter.leaders;
  strike();
  const start = world.now;
  const end = start + windowMs * 1000;
  answers.length = 0;
  meter.take();
  stage.run(windowMs * 1000);
  const traffic = meter.take();
  let gap = 0;
  let last = start;
  for (const at of [...answers.map((answer) => answer.at), end]) {
    gap = Math.max(gap, at - last);
    last = at;
  }
  const late = answers.filter((answer) => answer.at > end - windowMs * 250);
  return {
    gapMs: Math.round(gap / 1000),
    commits: answers.length,
    lives: late.length > 0,
    served: new Set(late.map((answer) => answer.by)).size,
    leaderChanges: meter.leaders - leadersBefore,
    messages: traffic.messages,
    bytes: traffic.bytes,
  };
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
