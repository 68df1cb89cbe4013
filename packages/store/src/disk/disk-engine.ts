// The block engine over LMDB, on this process's clock and loop.

import { BlockEngine, type BlockEngineSettings } from "../blocks/block-engine.ts";
import type { EngineTimers } from "../blocks/ports.ts";
import type { Engine } from "../engine/port.ts";
import { StateDirectory } from "./directory.ts";

export interface DiskEngineOptions extends BlockEngineSettings {
  readonly directory: string;
}

export function openDiskEngine({ directory, ...settings }: DiskEngineOptions): Engine {
  return new BlockEngine({ folder: new StateDirectory(directory), timers }, settings);
}

const timers: EngineTimers = {
  nowMs: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
  soon: (run) => setImmediate(run),
};
