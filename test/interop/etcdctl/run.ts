// etcdctl as a person at a terminal runs it: one command at a time, or one that stays and is interrupted. What it
// prints goes to the side's transcript without what no two runs have in common.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { eventually } from "../../cluster/cluster.ts";
import { guard, unguard } from "../../cluster/guard.ts";
import type { Side } from "../sides.ts";

export interface Told {
  /** Members to ask, by number; all of them without. */
  readonly at?: number | "all";
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What else this command prints that is each run's own. */
  readonly mask?: (text: string) => string;
  /** The lines come in the order in which members answered, or have a number of their own. */
  readonly isUnordered?: boolean;
  /** Whether it succeeds depends on how fast the machine is. */
  readonly isTimed?: boolean;
}

export interface Printed {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Every command that any scenario told etcdctl, to see whether one was forgotten. */
export const toldCommands = new Set<string>();

function environment(side: Side, told: Told): Record<string, string | undefined> {
  const at = told.at ?? 0;
  const ETCDCTL_ENDPOINTS = at === "all" ? side.endpoints : side.endpoint(at);
  return { ...process.env, ETCDCTL_API: "3", ETCDCTL_ENDPOINTS, ...told.env };
}

/** Tells it, notes what it printed, and hands out what it printed as it was. */
export async function etcdctl(
  side: Side,
  args: readonly string[],
  told: Told = {},
): Promise<Printed> {
  toldCommands.add(args.slice(0, 2).join(" "));
  const printed = await new Promise<Printed>((resolve) => {
    const child = execFile(
      "etcdctl",
      [...args],
      { env: environment(side, told), timeout: 90_000, maxBuffer: 64 << 20 },
      (failure, out, error) => {
        resolve({ code: failure === null ? 0 : Number(failure.code ?? -1), out, error });
      },
    );
    // It may end without having read anything.
    child.stdin?.on("error", () => {}).end(told.input ?? "");
  });
  side.note(`etcdctl ${args.join(" ")}`, {
    code: told.isTimed ? "of the machine's speed" : printed.code,
    out: comparable(side, printed.out, told),
    error: comparable(side, errorLines(printed.error), told),
  });
  return printed;
}

function comparable(side: Side, text: string, told: Told): unknown {
  const masked = side.masked(told.mask?.(text) ?? text);
  if (/^[[{]/.test(masked)) {
    return masked
      .trimEnd()
      .split("\n")
      .map((line) => withoutOwn(JSON.parse(digits(line))))
      .map((value) => (told.isUnordered && Array.isArray(value) ? sorted(value) : value));
  }
  const plain = masked
    .replace(/\b\d+(\.\d+)?(µs|ms|s)\b/g, "<time>")
    .replace(/\b\d+(\.\d+)? (kB|MB|GB|B)\b/g, "<size>")
    .replace(/\b3\.\d+\.\d+\b/g, "<version>")
    .replace(
      /^"(ClusterID|MemberID|Leader|ID|RaftTerm|RaftIndex|RaftAppliedIndex|DBSize|DBSizeInUse)" : \S+$/gm,
      '"$1" : <n>',
    )
    .replace(/\b\d{15,20}\b/g, "<id>")
    .replace(/\b[0-9a-f]{12,16}\b/g, "<id>")
    // Columns are as wide as their content, which is masked.
    .replace(/ +/g, " ")
    .replace(/-{2,}/g, "--");
  const lines = plain.split("\n");
  return told.isUnordered ? lines.sort() : lines;
}

/** Ids are 64 bits wide, and numbers in etcdctl's JSON. */
function digits(json: string): string {
  return json.replace(/([:[,])(-?\d{16,20})(?=[,}\]])/g, '$1"$2"');
}

const ownNumbers =
  /^(cluster_id|member_id|raft_term|raftTerm|raftIndex|raftAppliedIndex|dbSize|dbSizeInUse|leader|ID|id|took|memberID)$/;

function withoutOwn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOwn);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([name, inner]) => {
    if (ownNumbers.test(name)) return [name, "<own>"];
    if (name === "version" && typeof inner === "string") return [name, "<version>"];
    // Ids decide the order of members, and they are each cluster's own.
    if (name === "members") return [name, sorted(withoutOwn(inner) as unknown[])];
    return [name, withoutOwn(inner)];
  });
  return Object.fromEntries(fields);
}

function sorted(list: readonly unknown[]): unknown[] {
  return [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** Only the error itself: the client logs its retries with times and addresses. */
function errorLines(text: string): string {
  return text
    .split("\n")
    .filter((line) => line.startsWith("Error:"))
    .join("\n");
}

/** One that stays: a watch, a lock that is held, a mirror. */
export class Running {
  readonly #side: Side;
  readonly #told: Told;
  readonly #child: ChildProcess;
  readonly #args: readonly string[];
  readonly #ended: Promise<number | null>;
  out = "";

  constructor(side: Side, args: readonly string[], told: Told = {}) {
    toldCommands.add(args.slice(0, 2).join(" "));
    this.#side = side;
    this.#args = args;
    this.#told = told;
    this.#child = spawn("etcdctl", [...args], { env: environment(side, told) });
    const { pid } = this.#child;
    if (pid !== undefined) guard("pid", pid);
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      this.out += chunk.toString();
    });
    this.#child.stderr?.resume();
    this.#child.stdin?.on("error", () => {});
    if (told.input !== undefined) this.#child.stdin?.write(told.input);
    this.#ended = new Promise((resolve) => {
      this.#child.once("exit", (code) => {
        if (pid !== undefined) unguard("pid", pid);
        resolve(code);
      });
    });
  }

  async until(claim: string, isSo: (out: string) => boolean): Promise<void> {
    try {
      await eventually(claim, 20_000, () => isSo(this.out));
    } catch (cause) {
      throw new Error(`etcdctl ${this.#args.join(" ")}: ${claim}, but it printed\n${this.out}`, {
        cause,
      });
    }
  }

  /** Interrupts it as ^C does, waits for its end and notes what it had printed. */
  async interrupt(): Promise<void> {
    this.#child.kill("SIGINT");
    await this.ended();
  }

  async ended(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 20_000);
    const code = await this.#ended;
    clearTimeout(timer);
    this.#side.note(`etcdctl ${this.#args.join(" ")}`, {
      code,
      out: comparable(this.#side, this.out, this.#told),
    });
  }
}
