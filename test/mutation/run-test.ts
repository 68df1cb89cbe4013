// One file of tests in a process of its own, ended at its first failure or after its time. Whatever it started ends with it.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./sources.ts";

export interface Ending {
  readonly kind: "passed" | "failed" | "hung";
  readonly seconds: number;
  /** The test that failed, or the last that was said. */
  readonly said: string;
}

// Not as a child of a test that runs this one.
const { NODE_TEST_CONTEXT: _, ...ownEnvironment } = process.env;
const reporter = new URL("./first-failure.ts", import.meta.url).pathname;

export async function runTest(
  file: string,
  environment: Readonly<Record<string, string>>,
  secondsMax: number,
): Promise<Ending> {
  const folder = mkdtempSync(join(tmpdir(), "althing-mutation-"));
  const began = performance.now();
  const child = spawn(
    process.execPath,
    ["--max-old-space-size=1024", "--no-warnings", `--test-reporter=${reporter}`, file],
    {
      cwd: root,
      env: { ...ownEnvironment, TMPDIR: folder, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    },
  );
  let said = "";
  const listen = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(0, 4000);
  };
  child.stdout.on("data", listen);
  child.stderr.on("data", listen);
  let isHung = false;
  const limit = setTimeout(() => {
    isHung = true;
    endGroup(child.pid);
  }, secondsMax * 1000);
  const code = await new Promise<number | null>((resolve) => child.on("exit", resolve));
  clearTimeout(limit);
  endGroup(child.pid);
  rmSync(folder, { recursive: true, force: true });
  const kind = isHung ? "hung" : code === 0 ? "passed" : "failed";
  return { kind, seconds: (performance.now() - began) / 1000, said: gistOf(said) };
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left.
  }
}

function gistOf(said: string): string {
  const lines = said.split("\n").filter((line) => line.trim() !== "");
  return (lines.find((line) => /Error/.test(line)) ?? lines[0] ?? "").trim().slice(0, 120);
}
