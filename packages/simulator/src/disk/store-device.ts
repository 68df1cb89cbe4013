// The device under the store's own disk: it is the one that the log is on, and commits wait for each other
// and for the log. What was committed stays, whatever becomes of the process; the process hears of it in its
// own time.

import type { LossyDevice } from "@althing/store/lossy";
import type { Prng } from "../random/prng.ts";
import type { Micros, Turns, World } from "../world/world.ts";
import type { Device } from "./device.ts";

/** About what a disk writes in a microsecond. */
const bytesPerMicro = 200;

export function storeDevice(options: {
  readonly world: World;
  readonly turns: Turns;
  readonly device: Device;
  readonly prng: Prng;
  /** Until the process hears of a commit that is on the disk. */
  readonly tellMicros: () => Micros;
  readonly soon: (run: () => void) => void;
  readonly committed: (name: string, bytes: number, error: string | undefined) => void;
}): LossyDevice {
  const { world, turns, device, prng } = options;
  let switchFails: Error | undefined;
  return {
    commit(name, bytes, growth, { land, tell }) {
      const cost = device.writeCost + device.syncCost() + Math.ceil(bytes / bytesPerMicro);
      const at = device.through(cost);
      const { generation } = turns;
      world.at(at, undefined, () => {
        // Its end has decided about what was under way.
        if (turns.generation !== generation) return;
        const error =
          device.error("commit", name) ??
          device.writeError(name, growth()) ??
          device.error("sync", name);
        options.committed(name, bytes, error?.code);
        land(error);
      });
      world.at(at + options.tellMicros(), turns, tell);
    },
    writeName() {
      switchFails = device.error("switch", "CURRENT");
      // Before the name is there, or after: then nobody knows which of them a restart finds.
      const error = prng.chance(0.5) ? switchFails : device.writeError("CURRENT", 0);
      if (error !== undefined) throw error;
    },
    syncName() {
      const error = switchFails ?? device.error("sync", "CURRENT");
      if (error !== undefined) throw error;
    },
    soon: options.soon,
    showsEarly: () => prng.chance(0.5),
  };
}
