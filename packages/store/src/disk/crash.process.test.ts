// A real process is killed in the middle of its background commits, again and again: what the next
// start finds is the state at some commit, whole, and never behind what was called durable.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { closed } from "../engine/testing/engine-suite.ts";
import { openStore } from "../store.ts";
import { range } from "../testing/commands.ts";
import { openDiskEngine } from "./disk-engine.ts";

const writer = new URL("./testing/crash-writer.ts", import.meta.url).pathname;

/** Runs until it has reported so many durable indexes, then kills. Returns the last one. */
function runAndKill(directory: string, reports: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [writer, directory], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.on("data", (data: Buffer) => {
      text += data.toString();
      if (text.split("\n").length > reports) child.kill("SIGKILL");
    });
    child.on("error", reject);
    child.on("exit", (_code, signal) => {
      if (signal !== "SIGKILL") reject(new Error("the writer ended by itself"));
      else resolve(Number(text.slice(0, text.lastIndexOf("\n")).split("\n").at(-1)));
    });
  });
}

test("kill -9 during background commits leaves a whole state, not behind what was durable", async () => {
  const directory = mkdtempSync(join(tmpdir(), "althing-store-"));
  for (let round = 1; round <= 5; round++) {
    const durable = await runAndKill(directory, round * 3);
    const store = openStore({ engine: openDiskEngine({ directory }) });
    assert.ok(store.appliedIndex >= durable, `${store.appliedIndex} after ${durable} was durable`);
    // The writer's entry i puts key i modulo 1000 with i as its value; every tenth compacts.
    const result = store.range(range("\0", "\0", { sortTarget: "mod", sortOrder: "descend" }));
    assert.equal(result.kind, "range");
    if (result.kind !== "range") return;
    const newest = result.kvs.map((kv) => Number(Buffer.from(kv.value).toString()));
    const expected: number[] = [];
    const seen = new Set<number>();
    for (let i = store.appliedIndex; i > 0 && seen.size < 1000; i--) {
      if (i % 10 === 0 || seen.has(i % 1000)) continue;
      if (i <= store.appliedIndex - 1100) break;
      seen.add(i % 1000);
      expected.push(i);
    }
    assert.deepEqual(newest, expected);
    await closed(store);
  }
  rmSync(directory, { recursive: true, force: true });
});
