// Makes a failing run small: first the faults, then the operations, then the options are thinned out
// as long as the same property still breaks (delta debugging, Zeller & Hildebrandt 2002).

import type { Protocol } from "@althing/consensus";
import { parseSeed } from "./random/seed.ts";
import { type RunResult, run } from "./run.ts";
import type { Scenario } from "./scenario.ts";

export interface ShrinkOptions {
  readonly protocol: Protocol;
  /** Most runs that may be tried. */
  readonly runsMax: number;
  readonly crc32?: (bytes: Uint8Array, seed?: number) => number;
  readonly onProgress?: (progress: {
    readonly runs: number;
    readonly faults: number;
    readonly operations: number;
  }) => void;
}

export interface Shrunk {
  readonly scenario: Scenario;
  readonly result: RunResult;
  readonly runs: number;
}

export function runScenario(
  scenario: Scenario,
  options: {
    readonly protocol: Protocol;
    readonly record?: boolean;
    readonly crc32?: (bytes: Uint8Array, seed?: number) => number;
  },
): RunResult {
  const seed = parseSeed(scenario.seed);
  if (seed === undefined) throw new RangeError(`bad seed ${scenario.seed}`);
  return run({
    protocol: options.protocol,
    seed,
    options: scenario.options,
    faults: scenario.faults,
    operations: scenario.operations,
    actors: scenario.actors ?? [],
    record: options.record ?? false,
    ...(options.crc32 === undefined ? {} : { crc32: options.crc32 }),
  });
}

/** Undefined when the scenario does not fail at all. */
export function shrink(scenario: Scenario, options: ShrinkOptions): Shrunk | undefined {
  let runs = 0;
  const attempt = (candidate: Scenario): RunResult => {
    runs++;
    return runScenario(candidate, options);
  };
  const first = attempt(scenario);
  if (first.violation === undefined) return undefined;
  let best = scenario;
  let result = first;
  const keepIfFails = (candidate: Scenario): boolean => {
    if (runs >= options.runsMax) return false;
    const tried = attempt(candidate);
    const same =
      tried.violation?.property === first.violation?.property && tried.result === first.result;
    if (!same) return false;
    best = candidate;
    result = tried;
    options.onProgress?.({
      runs,
      faults: best.faults.length,
      operations: best.operations.length,
    });
    return true;
  };

  // Nothing after the failure matters (a liveness failure needs its whole phase).
  if (first.result === "safety" || first.result === "crash") {
    const endMs = first.simulatedMs + 1;
    const cut = best.faults.filter((fault) => fault.atMs <= endMs);
    keepIfFails({ ...best, faults: cut });
  }
  let before: string;
  do {
    before = sizeOf(best);
    thin(
      () => best.faults,
      (faults) => keepIfFails({ ...best, faults }),
    );
    thin(
      () => best.operations,
      (operations) => keepIfFails({ ...best, operations }),
    );
    thin(
      () => best.actors ?? [],
      (actors) => keepIfFails({ ...best, actors }),
    );
  } while (sizeOf(best) !== before && runs < options.runsMax);
  simplify(() => best, keepIfFails);
  return { scenario: best, result, runs };
}

function sizeOf({ faults, operations, actors = [] }: Scenario): string {
  return `${faults.length} ${operations.length} ${actors.length}`;
}

/** Removes ever smaller pieces of a list as long as `keep` accepts what is left. */
function thin<T>(current: () => readonly T[], keep: (items: readonly T[]) => boolean): void {
  for (let size = Math.ceil(current().length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < current().length; ) {
      const list = current();
      const rest = [...list.slice(0, at), ...list.slice(at + size)];
      if (!keep(rest)) at += size;
    }
    if (size === 1) break;
  }
}

/** Tries plainer worlds: no chance in the network, fewer members, instant turns. */
function simplify(current: () => Scenario, keep: (candidate: Scenario) => boolean): void {
  const options = (): Scenario["options"] => current().options;
  const change = (part: Partial<Scenario["options"]>): void => {
    keep({ ...current(), options: { ...options(), ...part } });
  };
  change({ network: { ...options().network, lossRate: 0, duplicateRate: 0, delayRate: 0 } });
  change({ network: { ...options().network, latencyMean: 1 } });
  change({ clockSkew: 0 });
  change({ turnMicrosMax: 0, timerLateMicrosMax: 0 });
  change({ disk: { ...options().disk, slowRate: 0 } });
  change({ encodeMessages: false });
  for (const voters of [1, 2, 3]) {
    if (voters >= options().voters) break;
    if (keep({ ...current(), options: { ...options(), voters, learners: 0 } })) break;
  }
}
