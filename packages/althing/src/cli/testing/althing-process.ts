// The command as a real process, for tests: its output as it comes, and a wait for what it says.

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../../../bin/althing.js", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export class AlthingProcess {
  readonly child: ChildProcess;
  out = "";
  err = "";
  readonly finished: Promise<Finished>;
  #waiting: (() => void)[] = [];

  constructor(
    args: readonly string[],
    options: { input?: string; env?: object; cwd?: string } = {},
  ) {
    this.child = spawn(process.execPath, [script, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.child.stdin?.end(options.input ?? "");
    const heard = (key: "out" | "err") => (chunk: Buffer) => {
      this[key] += chunk.toString();
      for (const wake of this.#waiting.splice(0)) wake();
    };
    this.child.stdout?.on("data", heard("out"));
    this.child.stderr?.on("data", heard("err"));
    this.finished = new Promise((resolve) => {
      this.child.once("close", (code) => {
        resolve({ code, out: this.out, err: this.err });
        for (const wake of this.#waiting.splice(0)) wake();
      });
    });
  }

  /** Resolves once the output so far matches; rejects when the process ends or the time is over. */
  async says(pattern: RegExp, timeoutMs = 20_000): Promise<RegExpExecArray> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.out) ?? pattern.exec(this.err);
      if (match !== null) return match;
      const ended = this.child.exitCode !== null || this.child.signalCode !== null;
      if (ended || Date.now() > deadline) {
        throw new Error(`it never said ${pattern}; it said:\n${this.out}\n${this.err}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, deadline - Date.now()));
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Forgets what it said, so that `says` waits for something new. */
  forget(): void {
    this.out = "";
    this.err = "";
  }
}

export function althing(
  args: readonly string[],
  options: { input?: string; env?: object; cwd?: string } = {},
): Promise<Finished> {
  return new AlthingProcess(args, options).finished;
}
