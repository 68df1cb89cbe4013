// A process that does nothing and says how late it did it: what the machine, and not an attack, costs a loop.

import { monitorEventLoopDelay } from "node:perf_hooks";

const resolutionMs = 20;
const delay = monitorEventLoopDelay({ resolution: resolutionMs });
delay.enable();
process.stdin.on("data", () => {
  process.stdout.write(`${delay.max / 1e6 - resolutionMs}\n`);
  delay.reset();
});
process.stdin.on("end", () => process.exit());
