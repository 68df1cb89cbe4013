import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { describeEvent } from "./event-text.ts";
import { createLogger } from "./logging.ts";

test("lines are JSON with time, level, kind and text; what is below the level is not written", async () => {
  const directory = mkdtempSync(join(tmpdir(), "althing-log-"));
  const path = join(directory, "member.log");
  try {
    const log = createLogger({ level: "info", outputs: [path], fields: { name: "m1" } });
    log.debug("not written");
    log.observe({ kind: "peerConnected", level: "debug", peer: "b" });
    log.info("starting", { revision: 12n, cause: new Error("disk") });
    log.observe({ kind: "peerDisconnected", level: "warn", peer: "b", reason: "closed" });
    let lines: string[] = [];
    for (let i = 0; i < 200 && lines.length < 2; i++) {
      await wait(5);
      lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
    }
    const [first, second] = lines.map((line) => JSON.parse(line));
    assert.match(first.time, /^\d{4}-\d\d-\d\dT/);
    assert.deepEqual(
      { ...first, time: "" },
      { level: "info", time: "", name: "m1", revision: "12", cause: "disk", message: "starting" },
    );
    assert.deepEqual(
      { ...second, time: "" },
      {
        level: "warn",
        time: "",
        name: "m1",
        kind: "peerDisconnected",
        peer: "b",
        reason: "closed",
        message: "lost member b: closed",
      },
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("an event that has no text of its own is told by its kind", () => {
  assert.equal(describeEvent({ kind: "logCompacted", level: "info", index: 5 }), "log compacted");
  assert.equal(
    describeEvent({ kind: "diskStalled", level: "warn", reason: "1200 ms" }),
    "disk stalled: 1200 ms",
  );
});

test("a message begins no line of its own, whoever said it and however it is written", () => {
  const script = `
    import { createLogger } from ${JSON.stringify(new URL("./logging.ts", import.meta.url).href)};
    const log = createLogger({ level: "info", format: "console", outputs: ["stdout"] });
    log.warn("said:\\n[12:00:00] INFO: forged \\u001b[31m", { reason: "more\\nforged" });
    log.observe({ kind: "peerTurnedAway", level: "error", reason: "x\\nforged", address: "a" });`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  const lines = stdout.split("\n").slice(0, -1);
  assert.equal(lines.length, 2, stdout);
  assert.match(lines[0]!, /said:\\n\[12:00:00\] INFO: forged \\u001b\[31m/);
  assert.equal(stdout.includes("\u001b[31m"), false);
});
