// Installs a snapshot and kills itself at the given step: a call that changes the file system, or a
// chunk taken. Says "complete" when there was no such step. Arguments: directory, step.

import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { createMemoryEngine } from "../../memory/memory-engine.ts";
import { openStore } from "../../store.ts";
import { put } from "../../testing/commands.ts";
import { applyOne, snapshotOf } from "../../testing/driver.ts";

const [directory, stepText] = process.argv.slice(2);
let left = Number(stepText);

function step(): void {
  if (left-- === 0) process.kill(process.pid, "SIGKILL");
}

const { openDiskEngine } = await import("../disk-engine.ts");
const store = openStore({ engine: openDiskEngine({ directory: directory! }) });
const source = openStore({ engine: createMemoryEngine() });
for (let i = 0; i < 3000; i++) applyOne(source, put(`new/${i}`, "x".repeat(200)));
const chunks = snapshotOf(source);

for (const name of ["writeFileSync", "renameSync", "fsyncSync", "rmSync"] as const) {
  const original = fs[name] as (...args: unknown[]) => unknown;
  (fs as unknown as Record<string, unknown>)[name] = (...args: unknown[]) => {
    step();
    const result = original(...args);
    step();
    return result;
  };
}
syncBuiltinESMExports();

const writer = store.beginRestore();
for (const chunk of chunks) {
  writer.write(chunk);
  step();
}
writer.finish();
step();
writer.install((error) => {
  if (error !== undefined) throw error;
  step();
  // Closing at once: what was replaced is still being removed.
  store.close(() => {
    step();
    process.stdout.write("complete");
  });
});
step();
