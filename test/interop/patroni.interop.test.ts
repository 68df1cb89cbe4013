// Patroni, an application that relies on etcd, elects PostgreSQL's primary through Althing: examples/patroni is run
// as people would run it, and its primary outlives Althing's leader, then its own death.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { guard, unguard } from "../cluster/guard.ts";
import { claimPorts, releasePorts } from "../cluster/ports.ts";
import { whyMissing } from "../cluster/program.ts";

const script = fileURLToPath(new URL("../../examples/patroni/failover.sh", import.meta.url));
const missing = ["patroni", "setpriv", "curl"].map(whyMissing).find((why) => why !== undefined);
const hasPostgres = globSync("/usr/lib/postgresql/*/bin/postgres").length > 0;
const skip = missing ?? (hasPostgres ? false : "the program postgres is not installed");

test("a PostgreSQL pair fails over through Althing", { skip, timeout: 150_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "althing-patroni-"));
  guard("dir", folder);
  // Ten in a row are needed; the block is claimed whole and the first run of ten is used.
  const ports = (await claimPorts(60)).sort((a, b) => a - b);
  const first = ports.find((port) =>
    Array.from({ length: 10 }, (_, i) => port + i).every((p) => ports.includes(p)),
  );
  assert.ok(first !== undefined);
  try {
    const { stdout } = await promisify(execFile)("bash", [script, folder, `${first}`], {
      timeout: 140_000,
      env: { ...process.env, NODE: process.execPath },
    });
    assert.deepEqual(stdout.trim().split("\n"), [
      "the primary is alpha, by the key alpha",
      "Althing lost its leader; the primary is alpha",
      "alpha is gone",
      "the primary is beta",
      "its rows: before,while one of three is gone,after",
    ]);
    assert.ok(!existsSync(join(folder, "beta/data/postmaster.pid")), "it cleans up after itself");
  } finally {
    releasePorts(ports);
    rmSync(folder, { recursive: true, force: true });
    unguard("dir", folder);
  }
});
