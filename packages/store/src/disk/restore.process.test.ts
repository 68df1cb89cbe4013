// A member is killed at every step of installing a snapshot: the next start finds the old state or
// the new one, whole, and no leftovers of the other.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { closed, flushed } from "../engine/testing/engine-suite.ts";
import { type OpenedStore, openStore } from "../store.ts";
import { put, range } from "../testing/commands.ts";
import { applyOne } from "../testing/driver.ts";
import { openDiskEngine } from "./disk-engine.ts";

const killer = new URL("./testing/restore-killer.ts", import.meta.url).pathname;

function describe(store: OpenedStore): string {
  const count = (prefix: string): number => {
    const found = store.range(range(`${prefix}/`, `${prefix}0`));
    return found.kind === "range" ? found.kvs.length : -1;
  };
  return `index ${store.appliedIndex}, ${count("old")} old, ${count("new")} new`;
}

test("kill -9 at every step of a restore leaves the old state or the new one", async () => {
  const outcomes = new Set<string>();
  let complete = false;
  for (let step = 0; !complete; step++) {
    assert.ok(step < 100, "the restore never came to its end");
    const directory = mkdtempSync(join(tmpdir(), "althing-restore-"));
    const before = openStore({ engine: openDiskEngine({ directory }) });
    for (let i = 0; i < 10; i++) applyOne(before, put(`old/${i}`));
    await flushed(before);
    await closed(before);
    const run = spawnSync(process.execPath, [killer, directory, String(step)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    complete = run.stdout === "complete";
    assert.ok(complete || run.signal === "SIGKILL", `step ${step}: status ${run.status}`);
    const after = openStore({ engine: openDiskEngine({ directory }) });
    outcomes.add(describe(after));
    assert.equal(readdirSync(directory).filter((name) => name.startsWith("state-")).length, 1);
    applyOne(after, put("goes on"));
    await flushed(after);
    await closed(after);
    rmSync(directory, { recursive: true });
  }
  assert.deepEqual([...outcomes].sort(), [
    "index 10, 10 old, 0 new",
    "index 3000, 0 old, 3000 new",
  ]);
});
