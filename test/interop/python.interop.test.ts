// Debian's python3-etcd3 (Google's own gRPC library below it) sees the same of three members of either side.

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { whyMissing } from "../cluster/program.ts";
import { type Side, startSides, stopSides, tellBoth } from "./sides.ts";

// Debian's own Python: another one on the path does not know Debian's packages.
const python = "/usr/bin/python3";
const hasClient = spawnSync(python, ["-c", "import etcd3"]).status === 0;
const skip = !hasClient
  ? "python3-etcd3 is not installed"
  : (whyMissing("etcd") ?? whyMissing("althing") ?? false);
const script = fileURLToPath(new URL("python_client.py", import.meta.url));

let sides: readonly Side[] = [];
before(async () => {
  if (!skip) sides = await startSides({});
});
after(async () => {
  await stopSides(sides);
});

test("python3-etcd3: keys, txns, watches, leases, locks, maintenance", { skip }, async () => {
  const told = await tellBoth(sides, async (side) => {
    const at = side.endpoint(1).replace("http://", "");
    const { stdout } = await promisify(execFile)(python, [script, at], { timeout: 90_000 });
    for (const line of stdout.trimEnd().split("\n")) {
      const [asked, said] = JSON.parse(line) as [string, unknown];
      side.note(`python: ${asked}`, said);
    }
  });
  assert.ok(told.length > 70, `${told.length} lines`);
});
