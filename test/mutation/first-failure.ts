// A reporter that ends the process at the first test that fails, and names it: for a mutant one failure is enough. If none
// fails it says what they cost.

import { writeSync } from "node:fs";
import type { TestEvent } from "node:test/reporters";

// biome-ignore lint/style/noDefaultExport: node:test takes a reporter as the default export of its module.
export default async function* firstFailure(events: AsyncIterable<TestEvent>) {
  for await (const event of events) {
    if (event.type !== "test:fail" || event.data.todo !== undefined) continue;
    writeSync(1, `${event.data.name}\n`);
    process.exit(1);
  }
  const { user, system } = process.cpuUsage();
  yield `cpu ${(user + system) / 1e6}\n`;
}
