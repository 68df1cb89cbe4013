// One child process: its lines as they come, how it ended, and the means to end it with all that it started.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { root } from "./paths.ts";

export interface Ended {
  /** Undefined: it was ended from here. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly ended: Promise<Ended>;
  kill(): void;
}

/** Of each output so much is kept, from its end. */
const keptMax = 200_000;

export function start(
  command: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>> | undefined;
    readonly secondsMax: number;
    readonly onLine?: ((text: string) => void) | undefined;
  },
): Running {
  // A group of its own: Ctrl-C is for the campaign, which ends its children itself.
  const child = spawn(process.execPath, [...command], {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let wasKilled = false;
  const kill = () => {
    wasKilled = true;
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // It is gone already.
    }
  };
  const timer = setTimeout(kill, options.secondsMax * 1000);
  let stdout = "";
  let stderr = "";
  createInterface(child.stdout).on("line", (line) => {
    if (options.onLine === undefined) stdout = `${stdout}${line}\n`.slice(-keptMax);
    else options.onLine(line);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = `${stderr}${text}`.slice(-keptMax);
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ code: -1, stdout, stderr: `${error}` });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code: wasKilled ? undefined : (code ?? -1), stdout, stderr });
    });
  });
  return { ended, kill };
}
