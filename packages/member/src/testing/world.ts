// A small deterministic world for a cluster of members: one queue of events in virtual time, an
// in-order network that can be cut, and memory disks that survive a crash with what was synced. The
// real simulator is another package; this one only has to reach the states that the tests name.

import { MemoryDisk } from "@althing/log";
import type { Clock } from "../ports.ts";

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class World {
  nowMs = 0;
  readonly #queue: Due[] = [];
  #order = 0;
  #seed: number;

  constructor(seed = 1) {
    this.#seed = seed;
  }

  at(ms: number, run: () => void): void {
    const due = { atMs: this.nowMs + ms, order: this.#order++, run };
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#queue[middle]!.atMs <= due.atMs) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, due);
  }

  /** Runs what is due within `ms`, or until `reached`. Returns whether it was reached. */
  run(ms: number, reached: () => boolean = () => false): boolean {
    const endMs = this.nowMs + ms;
    while (!reached()) {
      const next = this.#queue[0];
      if (next === undefined || next.atMs > endMs) {
        this.nowMs = endMs;
        return reached();
      }
      this.#queue.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    return true;
  }

  random = (): number => {
    // mulberry32
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), this.#seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The clock of one process; `isAlive` ends with it, `stallUntilMs` holds its loop. */
export class ProcessClock implements Clock {
  readonly #world: World;
  isAlive = true;
  stalledUntilMs = 0;

  constructor(world: World) {
    this.#world = world;
  }

  monotonicMs(): number {
    return this.#world.nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#world.nowMs;
  }

  after(ms: number, run: () => void): () => void {
    let cancelled = false;
    this.#world.at(ms, () => this.inLoop(() => !cancelled && run()));
    return () => {
      cancelled = true;
    };
  }

  soon(run: () => void): void {
    this.#world.at(0, () => this.inLoop(run));
  }

  /** Everything that enters the process comes through its loop, in order. */
  inLoop(run: () => void): void {
    if (!this.isAlive) return;
    const stallMs = this.stalledUntilMs - this.#world.nowMs;
    if (stallMs > 0) this.#world.at(stallMs, () => this.inLoop(run));
    else run();
  }
}

/** A disk whose operations take time, and none of which return while it is stalled. */
export class WorldDisk {
  readonly memory: MemoryDisk;
  clock: ProcessClock;
  isStalled = false;
  readonly #held: (() => void)[] = [];

  constructor(world: World, clock: ProcessClock) {
    this.clock = clock;
    this.memory = new MemoryDisk({
      schedule: (run) => {
        const owner = this.clock;
        world.at(0.2, () => {
          if (this.isStalled) this.#held.push(() => owner.inLoop(run));
          else owner.inLoop(run);
        });
      },
    });
  }

  answer(): void {
    this.isStalled = false;
    for (const run of this.#held.splice(0)) run();
  }
}
