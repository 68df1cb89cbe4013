// The command as npm links it: the process that a script started is the member, whatever Node the machine has.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { memberNodeFlags } from "./node-flags.ts";

const command = fileURLToPath(new URL("../../bin/althing", import.meta.url));

test("the command starts a member with the flags that a member asks of V8", () => {
  const script = readFileSync(command, "utf8");
  assert.equal(/^\[ "\$1" = start \] && flags=(.*)$/m.exec(script)?.[1], memberNodeFlags.join(" "));
});

test("kill -9 of what a script started ends the member, and not a launcher beside it", async () => {
  const root = mkdtempSync(join(tmpdir(), "althing-launcher-"));
  const linked = join(root, "althing");
  symlinkSync(command, linked);
  const flags = [
    `--data-dir=${join(root, "data")}`,
    "--listen-client-urls=http://127.0.0.1:26197",
    "--advertise-client-urls=http://127.0.0.1:26197",
    "--listen-peer-urls=http://127.0.0.1:26198",
    "--initial-advertise-peer-urls=http://127.0.0.1:26198",
    "--log-format=json",
  ];
  const child = spawn(linked, ["start", ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
    // No Node of the project's own to be found by name.
    env: { ...process.env, PATH: "/usr/bin:/bin" },
  });
  try {
    const lines: string[] = [];
    const ready = new Promise<void>((resolve) => {
      createInterface({ input: child.stderr }).on("line", (line) => {
        lines.push(line);
        if (line.includes("this member leads")) resolve();
      });
    });
    await Promise.race([ready, once(child, "exit")]);
    const first = JSON.parse(lines[0]!) as { pid: number };
    assert.equal(first.pid, child.pid, lines.join("\n"));
  } finally {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    rmSync(root, { recursive: true, force: true });
  }
});
