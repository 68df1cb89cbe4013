// The real clock. Invariant: `monotonicMs` never goes back, and it counts the time the machine was
// asleep, because a lease that stands still while other members wait is a stale read (corpus:
// lease-read-paused-clock).

import { uptime } from "node:os";
import type { Clock } from "@althing/member";

/** The three sources, so that a test can move them apart. */
export interface TimeSources {
  /** Monotonic; stands still while the machine sleeps. */
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  /** Counts sleep, but is coarse and costs a system call. */
  readonly sinceBootMs: () => number;
}

const systemSources: TimeSources = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  sinceBootMs: () => uptime() * 1000,
};

/** The resolution of `sinceBootMs` is 10 ms; less than this is noise. */
const driftNoiseMs = 25;

export function createSystemClock(sources: TimeSources = systemSources): Clock {
  return {
    monotonicMs: createMonotonic(sources),
    wallMs: sources.wallMs,
    after(ms, run) {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    // The check phase comes right after the poll phase: everything the sockets brought in this turn
    // is in, and nothing waits longer. A microtask would flush once per socket event instead.
    soon(run) {
      setImmediate(run);
    },
  };
}

/**
 * Wall and monotonic time move together unless the machine slept or somebody set the wall clock.
 * Comparing them costs nanoseconds on each call; only when they part is the boot clock asked which
 * of the two it was.
 */
export function createMonotonic(sources: TimeSources): () => number {
  let slept = 0;
  let last = 0;
  let wallAhead = sources.wallMs() - sources.monotonicMs();
  let bootAhead = sources.sinceBootMs() - sources.monotonicMs();

  return () => {
    const awake = sources.monotonicMs();
    const ahead = sources.wallMs() - awake;
    if (Math.abs(ahead - wallAhead) > driftNoiseMs) {
      wallAhead = ahead;
      const boot = sources.sinceBootMs() - awake;
      if (boot - bootAhead > driftNoiseMs) slept += boot - bootAhead;
      bootAhead = boot;
    }
    const now = awake + slept;
    if (now > last) last = now;
    return last;
  };
}
