import { engineSuite } from "../engine/testing/engine-suite.ts";
import { MemoryStorage } from "../testing/memory-storage.ts";
import type { CheckpointStorage } from "./checkpoint-storage.ts";
import { createMemoryEngine } from "./memory-engine.ts";

engineSuite("memory engine without a storage", () => ({
  open: () => createMemoryEngine(),
  survives: false,
  cleanUp: () => {},
}));

for (const [when, complete] of [
  ["soon", (run: () => void) => setImmediate(run)],
  ["before the call returns", (run: () => void) => run()],
] as const) {
  engineSuite(`memory engine with checkpoints on a disk that is done ${when}`, () => {
    const storage = runningByItself(new MemoryStorage(), complete);
    return {
      open: () => createMemoryEngine({ storage }),
      survives: true,
      cleanUp: () => {},
    };
  });
}

/** Operations complete by themselves. A real disk does both: it depends on the size of a write. */
function runningByItself(
  storage: MemoryStorage,
  complete: (run: () => void) => void,
): CheckpointStorage {
  const soon =
    <Rest extends unknown[]>(run: (...rest: Rest) => void) =>
    (...rest: Rest): void => {
      run(...rest);
      complete(() => storage.run());
    };
  return {
    list: () => storage.list(),
    readAll: (name) => storage.readAll(name),
    rename: (from, to) => storage.rename(from, to),
    remove: (name) => storage.remove(name),
    syncDirectory: soon((done: (error: Error | undefined) => void) => storage.syncDirectory(done)),
    open: (name, options) => {
      const file = storage.open(name, options);
      return {
        write: soon(file.write),
        sync: soon(file.sync),
        truncateNow: file.truncateNow,
        close: file.close,
      };
    },
  };
}
