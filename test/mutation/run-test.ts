// One file of tests in a process of its own, ended at its first failure or when it has used up its time: of the processor, for on
// a busy machine a clock would take for a loop what only waits its turn. Whatever it started ends with it.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./sources.ts";

export interface Ending {
  readonly kind: "passed" | "failed" | "hung";
  /** Of the processor, when it passed. */
  readonly seconds: number;
  /** The test that failed, or the last that was said. */
  readonly said: string;
}

// Not as a child of a test that runs this one.
const { NODE_TEST_CONTEXT: _, ...ownEnvironment } = process.env;
const reporter = `--test-reporter=${new URL("./first-failure.ts", import.meta.url).pathname}`;
/** What waits for ever costs nothing. So many times what it may cost, and then some: machines are shared. */
const waitingMsMax = (secondsMax: number) => 40_000 + 10_000 * secondsMax;

export async function runTest(
  file: string,
  environment: Readonly<Record<string, string>>,
  secondsMax: number,
): Promise<Ending> {
  const folder = mkdtempSync(join(tmpdir(), "althing-mutation-"));
  const node = [process.execPath, "--max-old-space-size=1024", "--no-warnings"];
  const child = spawn(
    "sh",
    ["-c", `ulimit -t ${Math.ceil(secondsMax)}; exec "$@"`, "sh", ...node, reporter, file],
    {
      cwd: root,
      env: { ...ownEnvironment, TMPDIR: folder, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    },
  );
  if (child.pid !== undefined) running.add(child.pid);
  let said = "";
  const listen = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  };
  child.stdout.on("data", listen);
  child.stderr.on("data", listen);
  let isHung = false;
  const limit = setTimeout(() => {
    isHung = true;
    endGroup(child.pid);
  }, waitingMsMax(secondsMax));
  const code = await new Promise<number | null>((resolve) => {
    let status: number | null = null;
    child.on("exit", (code, signal) => {
      isHung ||= signal === "SIGXCPU" || signal === "SIGKILL";
      status = code;
      endGroup(child.pid);
    });
    // All that it said has been read by then.
    child.on("close", () => resolve(status));
  });
  clearTimeout(limit);
  if (child.pid !== undefined) running.delete(child.pid);
  rmSync(folder, { recursive: true, force: true });
  const kind = isHung ? "hung" : code === 0 ? "passed" : "failed";
  const seconds = Number(/^cpu ([\d.]+)$/m.exec(said)?.[1] ?? 0);
  return { kind, seconds, said: gistOf(said) };
}

/** Nothing that was started outlives this process, however it is ended. */
const running = new Set<number>();
process.on("exit", () => {
  for (const pid of running) endGroup(pid);
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => process.exit(1));
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
