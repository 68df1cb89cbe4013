// What a machine would start from if its power went now: the log, the store and the core that production's
// recovery makes of a copy of its disk, after what is under way was lost in one of the ways there are.

import type { Crc32 } from "@althing/bytes";
import type { CoreOptions, Entry, Membership, Protocol, Restored } from "@althing/consensus";
import { encodeMembership } from "@althing/consensus";
import { openLog } from "@althing/log";
import { recover } from "@althing/member";
import { type Engine, type OpenedStore, openStore } from "@althing/store";
import { Device, type DiskLatency } from "../disk/device.ts";
import { diskPort } from "../disk/disk-port.ts";
import type { VirtualDisk } from "../disk/virtual-disk.ts";
import type { SimulationOptions } from "../options/options.ts";
import type { Prng } from "../random/prng.ts";
import { clockPort, MachineClock } from "../world/clock.ts";
import { Turns, World } from "../world/world.ts";
import { openEngine } from "./engine.ts";

export interface Restart {
  readonly restored: Restored<unknown>;
  /** What its core would hand to the store at once. */
  readonly applied: readonly Entry[];
}

export interface RestartParts {
  readonly id: string;
  readonly protocol: Protocol;
  readonly bootstrap: Membership;
  readonly options: SimulationOptions;
  readonly crc32: Crc32 | undefined;
}

const instant: DiskLatency = { write: 0, sync: 0, slowRate: 0, slowSync: 0 };

/** Throws what keeps the member from starting. */
export function restartOf(disk: VirtualDisk, parts: RestartParts, prng: Prng): Restart {
  const copy = disk.copy();
  copy.cutPower(prng);
  const { protocol, options, bootstrap } = parts;
  const checksum = parts.crc32 === undefined ? {} : { crc32: parts.crc32 };
  const { engine, files } = openCopy(copy, parts, prng);
  const store = openStore({ engine, ...checksum });
  const base = { index: 0, epoch: 0, proposer: "", meta: encodeMembership(bootstrap) };
  const log = openLog(files, { base, segmentBytes: options.segmentBytes, ...checksum });
  const { restored } = recover(protocol, log, store.durable(), bootstrap);
  const applied: Entry[] = [];
  for (const effect of protocol.create(coreOptions(parts), restored).effects()) {
    if (effect.kind === "apply") applied.push(...effect.entries);
  }
  return { restored, applied };
}

export interface StoreOnDisk {
  readonly store: OpenedStore;
  readonly engine: Engine;
  /** Until nothing is under way. */
  settle(): void;
  /** Of the names of removed records, where there is a disk engine. */
  readonly removalBytes: number;
}

/** The store alone, as it stands on the disk, and what makes time pass for it. */
export function storeOf(
  disk: VirtualDisk,
  parts: Pick<RestartParts, "options" | "crc32">,
  prng: Prng,
): StoreOnDisk {
  const checksum = parts.crc32 === undefined ? {} : { crc32: parts.crc32 };
  const copy = disk.copy();
  const { engine, world } = openCopy(copy, parts, prng);
  const store = openStore({ engine, ...checksum });
  return {
    store,
    engine,
    settle: () => world.runUntil(world.now + 3_600_000_000, () => false),
    removalBytes: copy.store.bytesOf("removals"),
  };
}

function openCopy(
  disk: VirtualDisk,
  { options, crc32 }: Pick<RestartParts, "options" | "crc32">,
  prng: Prng,
) {
  const world = new World();
  const turns = new Turns();
  const files = diskPort({
    world,
    turns,
    disk,
    device: new Device(world, disk, instant, prng),
    trace: { write() {}, synced() {} },
  });
  const engine = openEngine({
    world,
    machine: { disk, turns },
    clock: clockPort({
      world,
      machine: new MachineClock(world, 1, 0),
      turns,
      turnMicros: () => 0,
      lateMicros: () => 0,
    }),
    files,
    options: { ...options, disk: instant },
    prng,
    trace: { committed() {} },
    ...(crc32 !== undefined && { crc32 }),
  });
  return { world, files, engine };
}

function coreOptions({ id, options }: RestartParts): CoreOptions {
  const { heartbeatTicks, electionTicks, tickMs } = options;
  return {
    id,
    heartbeatTicks,
    electionTicks,
    tickMs,
    random: () => 0.5,
    reads: options.reads,
    clockDriftMax: options.clockDriftMax,
    ...(options.paxosQuorums !== undefined && { paxosQuorums: options.paxosQuorums }),
  };
}
