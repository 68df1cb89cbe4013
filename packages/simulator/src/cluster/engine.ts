// The engine under a member's store: production's disk engine over the machine's lossy disk, or the memory
// engine with its checkpoints.

import type { Crc32 } from "@althing/bytes";
import type { Disk } from "@althing/log";
import type { Clock } from "@althing/member";
import { BlockEngine, createMemoryEngine, type Engine } from "@althing/store";
import { Device } from "../disk/device.ts";
import { storeDevice } from "../disk/store-device.ts";
import type { VirtualDisk } from "../disk/virtual-disk.ts";
import type { SimulationOptions } from "../options/options.ts";
import type { Prng } from "../random/prng.ts";
import type { Turns, World } from "../world/world.ts";

export interface DiskTrace {
  committed(state: string, bytes: number, error: string | undefined): void;
}

export function openEngine(parts: {
  readonly world: World;
  readonly machine: { readonly disk: VirtualDisk; readonly turns: Turns };
  readonly clock: Clock;
  /** For checkpoints. */
  readonly files: Disk;
  readonly options: Pick<SimulationOptions, "diskEngine" | "disk" | "turnMicrosMax">;
  readonly prng: Prng;
  readonly trace: DiskTrace;
  readonly crc32?: Crc32;
}): Engine {
  const { world, machine, clock, options, prng } = parts;
  const checksum = parts.crc32 === undefined ? {} : { crc32: parts.crc32 };
  if (options.diskEngine === undefined) {
    return createMemoryEngine({ storage: parts.files, ...checksum });
  }
  const tells = prng.split("tell");
  const device = storeDevice({
    world,
    turns: machine.turns,
    device: new Device(world, machine.disk, options.disk, prng.split("device")),
    prng: prng.split("view"),
    tellMicros: () => tells.below(options.turnMicrosMax + 1),
    soon: (run) => clock.soon(run),
    committed: parts.trace.committed,
  });
  return new BlockEngine(
    {
      folder: machine.disk.store.open(device),
      timers: {
        nowMs: () => clock.monotonicMs(),
        after: (ms, run) => clock.after(ms, run),
        soon: (run) => clock.soon(run),
      },
    },
    options.diskEngine,
  );
}
