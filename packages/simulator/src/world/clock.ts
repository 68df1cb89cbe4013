// One machine's clocks. The monotonic one runs at a rate of its own (drift) and never goes back;
// the wall clock may also be wrong and jump. Timers run on the monotonic clock.

import type { Clock } from "@althing/member";
import type { Micros, Turns, World } from "./world.ts";

/** Where wall clocks start: a fixed instant, so that runs are equal on every day. */
const wallEpochMs = 1_700_000_000_000;

export class MachineClock {
  readonly #world: World;
  #anchorWorld: Micros = 0;
  #anchorLocal = 0;
  #rate = 1;
  wallOffsetMs = 0;

  constructor(world: World, rate: number, wallOffsetMs: number) {
    this.#world = world;
    this.#rate = rate;
    this.wallOffsetMs = wallOffsetMs;
  }

  get rate(): number {
    return this.#rate;
  }

  /** From now on this clock gains or loses against the world. */
  setRate(rate: number): void {
    this.#anchorLocal = this.#localMicros();
    this.#anchorWorld = this.#world.now;
    this.#rate = rate;
  }

  monotonicMs(): number {
    return this.#localMicros() / 1000;
  }

  wallMs(): number {
    return Math.floor(wallEpochMs + this.wallOffsetMs + this.#localMicros() / 1000);
  }

  #localMicros(): number {
    return this.#anchorLocal + (this.#world.now - this.#anchorWorld) * this.#rate;
  }
}

/** The clock port of one life of one process. */
export function clockPort(options: {
  readonly world: World;
  readonly machine: MachineClock;
  readonly turns: Turns;
  /** How long one turn of the event loop takes: inputs that come within it share a group commit. */
  readonly turnMicros: () => Micros;
  /** How late a timer fires. */
  readonly lateMicros: () => Micros;
}): Clock {
  const { world, machine, turns, turnMicros, lateMicros } = options;
  return {
    monotonicMs: () => machine.monotonicMs(),
    wallMs: () => machine.wallMs(),
    after(ms, run) {
      const delay = Math.ceil((ms * 1000) / machine.rate) + lateMicros();
      const task = world.timer(delay, turns, run);
      return () => {
        task.cancelled = true;
      };
    },
    soon(run) {
      world.after(turnMicros(), turns, run);
    },
  };
}
