// What one life of one process sees of its machine's device, whoever writes to it (log, checkpoints, store):
// one thing is done after the other, some of it late, and some of it fails.

import { DiskError } from "@althing/log";
import type { DiskErrorKind } from "../faults/plan.ts";
import type { Prng } from "../random/prng.ts";
import type { Micros, World } from "../world/world.ts";
import type { VirtualDisk } from "./virtual-disk.ts";

export interface DiskLatency {
  readonly write: Micros;
  readonly sync: Micros;
  /** How often a sync takes `slowSync` instead. */
  readonly slowRate: number;
  readonly slowSync: Micros;
}

export class Device {
  readonly #world: World;
  readonly #disk: VirtualDisk;
  readonly #latency: DiskLatency;
  readonly #prng: Prng;

  constructor(world: World, disk: VirtualDisk, latency: DiskLatency, prng: Prng) {
    this.#world = world;
    this.#disk = disk;
    this.#latency = latency;
    this.#prng = prng;
  }

  /** When it is through with what takes so long, after all that it was asked before. */
  through(cost: Micros): Micros {
    const disk = this.#disk;
    const start = Math.max(this.#world.now, disk.busyUntil);
    disk.busyUntil = start + cost + disk.faults.slowMicros;
    return disk.busyUntil;
  }

  get writeCost(): Micros {
    return this.#latency.write;
  }

  syncCost(): Micros {
    const { slowRate, slowSync, sync } = this.#latency;
    return !this.#disk.faults.calm && this.#prng.chance(slowRate)
      ? slowSync
      : Math.ceil(sync * (0.5 + this.#prng.random()));
  }

  writeError(name: string, growth: number): DiskError | undefined {
    const { faults } = this.#disk;
    const error = this.error("write", name);
    if (error !== undefined) return error;
    if (faults.freeBytes !== undefined && growth > faults.freeBytes) {
      faults.given++;
      return new DiskError("full", name, `${name}: no space left on device`);
    }
    if (faults.freeBytes !== undefined) faults.freeBytes -= growth;
    return undefined;
  }

  /** The next one of the kind is to fail. */
  error(kind: DiskErrorKind, name: string): DiskError | undefined {
    const { faults } = this.#disk;
    const left = faults.fails[kind] ?? 0;
    if (left === 0) return undefined;
    faults.fails[kind] = left - 1;
    faults.given++;
    return new DiskError("io", name, `${name}: input/output error on ${kind}`);
  }

  /** What has no callback throws. */
  check(kind: DiskErrorKind, name: string): void {
    const error = this.error(kind, name);
    if (error !== undefined) throw error;
  }
}
