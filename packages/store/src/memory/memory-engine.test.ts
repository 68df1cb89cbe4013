import { engineSuite } from "../engine/testing/engine-suite.ts";
import { MemoryStorage } from "../testing/memory-storage.ts";
import type { CheckpointStorage } from "./checkpoint-storage.ts";
import { createMemoryEngine } from "./memory-engine.ts";

engineSuite("memory engine without a storage", () => ({
  open: () => createMemoryEngine(),
  survives: false,
  cleanUp: () => {},
}));

engineSuite("memory engine with checkpoints", () => {
  const storage = runningByItself(new MemoryStorage());
  return {
    open: () => createMemoryEngine({ storage }),
    survives: true,
    cleanUp: () => {},
  };
});

/** Operations complete soon, as those of a real disk do. */
function runningByItself(storage: MemoryStorage): CheckpointStorage {
  const soon =
    <Rest extends unknown[]>(run: (...rest: Rest) => void) =>
    (...rest: Rest): void => {
      run(...rest);
      setImmediate(() => storage.run());
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
