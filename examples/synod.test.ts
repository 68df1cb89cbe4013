// The example that people read first is run as they would run it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("examples/synod.ts chooses one value", () => {
  const example = fileURLToPath(new URL("./synod.ts", import.meta.url));
  const output = execFileSync(process.execPath, [example], { encoding: "utf8" });
  assert.deepEqual(output.trim().split("\n"), [
    "alice prepares ballot 1.alice",
    'alice proposes "build the bridge"',
    "chosen: build the bridge",
    "bob prepares ballot 1.bob",
    'bob proposes "build the bridge"',
    "chosen: build the bridge",
  ]);
});
