// One member as a real process: started, killed, frozen, thawed, wiped. Its standard output and error go to
// one file that survives restarts, so that a failed test can show what happened.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Target } from "../../bench/load/connection.ts";
import type { Header } from "../../bench/load/hpack.ts";
import { EtcdClient } from "../client/etcd-client.ts";
import { guard, unguard } from "./guard.ts";

export interface MemberSpec {
  readonly name: string;
  readonly folder: string;
  readonly dataDir: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where a client reaches it. */
  readonly target: Target;
  readonly clientUrl: string;
  /** What etcdctl and `althing` need beside the URL, where it is https. */
  readonly clientFlags?: readonly string[];
  readonly peerUrl: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class MemberProcess {
  readonly spec: MemberSpec;
  #child: ChildProcess | undefined;
  #exited: Promise<Exit> = Promise.resolve({ code: null, signal: null });
  #lastExit: Exit | undefined;

  constructor(spec: MemberSpec) {
    this.spec = spec;
  }

  get name(): string {
    return this.spec.name;
  }
  get target(): Target {
    return this.spec.target;
  }
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.name} does not run`);
    return pid;
  }
  get isRunning(): boolean {
    return this.#child !== undefined;
  }
  /** How it ended the last time. */
  get lastExit(): Exit | undefined {
    return this.#lastExit;
  }
  /** Settles when the process that runs now has ended. */
  get exited(): Promise<Exit> {
    return this.#exited;
  }

  start(moreArgs: readonly string[] = []): void {
    if (this.#child !== undefined) throw new Error(`${this.name} runs already`);
    const log = openSync(this.#logFile, "a");
    const [program = "", ...args] = [...this.spec.command, ...this.spec.args, ...moreArgs];
    const child = spawn(program, args, {
      stdio: ["ignore", log, log],
      cwd: this.spec.folder,
      env: { ...process.env, ...this.spec.env },
    });
    closeSync(log);
    this.#child = child;
    const { pid } = child;
    if (pid !== undefined) guard("pid", pid);
    this.#exited = new Promise((resolve) => {
      const ended = (code: number | null, signal: NodeJS.Signals | null) => {
        if (pid !== undefined) unguard("pid", pid);
        if (this.#child === child) this.#child = undefined;
        this.#lastExit = { code, signal };
        resolve({ code, signal });
      };
      child.once("exit", ended);
      child.once("error", () => ended(127, null));
    });
  }

  /** Asks it to end; kills it when it does not within the time. */
  async stop(graceMs = 10_000): Promise<Exit> {
    const child = this.#child;
    if (child === undefined) return await this.#exited;
    child.kill("SIGTERM");
    child.kill("SIGCONT");
    const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
    const exit = await this.#exited;
    clearTimeout(timer);
    return exit;
  }

  async kill(): Promise<Exit> {
    this.#child?.kill("SIGKILL");
    return await this.#exited;
  }

  /** Freezes every thread at once: no hang-up, no farewell, just silence. */
  pause(): void {
    process.kill(this.pid, "SIGSTOP");
  }

  resume(): void {
    process.kill(this.pid, "SIGCONT");
  }

  /** Loses the disk. The member must not run. */
  wipe(): void {
    if (this.#child !== undefined) throw new Error(`${this.name} runs: stop it before wiping`);
    rmSync(this.spec.dataDir, { recursive: true, force: true });
  }

  log(): string {
    try {
      return readFileSync(this.#logFile, "utf8");
    } catch {
      return "";
    }
  }

  /** `headers` go with every call: a token, or the wish for a leader. */
  client(timeoutMs?: number, headers: readonly Header[] = []): EtcdClient {
    return new EtcdClient({ ...this.target, headers }, timeoutMs);
  }

  /** CPU seconds used so far, from the kernel's own account. */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    // Fields 14 and 15 of the line (utime, stime), in ticks of 10 ms on every Linux that Node runs on.
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  residentBytes(): number {
    return this.#statusBytes("VmRSS");
  }

  /** What is its own alone: pages of files that the kernel keeps for it are not counted. */
  anonymousBytes(): number {
    return this.#statusBytes("RssAnon");
  }

  residentBytesMax(): number {
    return this.#statusBytes("VmHWM");
  }

  #statusBytes(name: string): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) * 1024;
  }

  get #logFile(): string {
    return join(this.spec.folder, `${this.name}.log`);
  }
}
