// The members that `althing dev` runs: started, watched, started again when they die, stopped together.
// Their whole logs go to files beside their data; the screen gets what a person has to know.

import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, mkdirSync, type WriteStream } from "node:fs";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { etcdCodecs as codecs } from "@althing/wire";
import { CliError, exitCode } from "./exit-codes.ts";
import { GrpcClient, parseEndpoint } from "./grpc-client.ts";
import { memberNodeFlags } from "./node-flags.ts";
import { onStopSignal } from "./stop-signals.ts";

export interface DevMember {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
}

export interface DevClusterOptions {
  readonly members: readonly DevMember[];
  readonly dataDir: string;
  readonly protocol: string;
  readonly verbose: boolean;
}

interface RunningMember {
  readonly member: DevMember;
  readonly log: WriteStream;
  child: ChildProcess | undefined;
  /** When it was started, for telling a crash loop from a crash. */
  startedMs: number;
  quickDeaths: number;
  givenUp: boolean;
}

const script = fileURLToPath(new URL("../../bin/althing.js", import.meta.url));
const stopBoundMs = 10_000;
const restartMs = 500;
const quickMs = 5_000;
const quickDeathsMax = 5;
/** Ends for which starting again would change nothing. */
const hopeless = new Set<number | null>([
  exitCode.usage,
  exitCode.dataUnusable,
  exitCode.portInUse,
  exitCode.identityRefused,
]);

export class DevCluster {
  readonly #options: DevClusterOptions;
  readonly #running: RunningMember[];
  #stopping = false;
  #announced = false;
  #finish: (code: number) => void = () => {};

  constructor(options: DevClusterOptions) {
    this.#options = options;
    try {
      mkdirSync(options.dataDir, { recursive: true });
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      throw new CliError(exitCode.dataUnusable, `--data-dir=${options.dataDir}: ${problem}`);
    }
    this.#running = options.members.map((member) => ({
      member,
      log: createWriteStream(join(options.dataDir, `${member.name}.log`), { flags: "a" }),
      child: undefined,
      startedMs: 0,
      quickDeaths: 0,
      givenUp: false,
    }));
  }

  /** Resolves with the exit code once everything has stopped. */
  run(): Promise<number> {
    const finished = new Promise<number>((resolve) => {
      this.#finish = resolve;
    });
    const { members, dataDir } = this.#options;
    say(
      `Starting ${members.length} member${members.length === 1 ? "" : "s"}; data in ${relativePath(dataDir)}`,
    );
    for (const one of this.#running) this.#start(one);
    onStopSignal(
      ["SIGINT", "SIGTERM", "SIGHUP"],
      () => void this.#stop(exitCode.ok),
      () => this.#killAll(),
    );
    void this.#announce();
    return finished;
  }

  #start(one: RunningMember): void {
    const { member } = one;
    const child = spawn(
      process.execPath,
      [...memberNodeFlags, script, "start", ...this.#flags(member)],
      {
        // A group of its own: the terminal's Ctrl-C comes here, and each member is asked once. The
        // channel tells a member when this process is gone, however it went.
        detached: true,
        stdio: ["ignore", "pipe", "pipe", "ipc"],
      },
    );
    one.child = child;
    one.startedMs = Date.now();
    child.channel?.unref();
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        one.log.write(`${line}\n`);
        this.#show(member, line);
      });
    }
    child.once("error", (error) => say(`${member.name} could not be started: ${error.message}`));
    child.once("close", (code, signal) => this.#ended(one, child, code, signal));
  }

  #flags(member: DevMember): string[] {
    const { members, dataDir, protocol } = this.#options;
    const clients = `http://127.0.0.1:${member.clientPort}`;
    const peers = (one: DevMember) => `http://127.0.0.1:${one.peerPort}`;
    return [
      `--name=${member.name}`,
      `--data-dir=${join(dataDir, member.name)}`,
      `--listen-client-urls=${clients}`,
      `--advertise-client-urls=${clients}`,
      `--listen-peer-urls=${peers(member)}`,
      `--initial-advertise-peer-urls=${peers(member)}`,
      `--initial-cluster=${members.map((one) => `${one.name}=${peers(one)}`).join(",")}`,
      "--initial-cluster-token=althing-dev",
      `--protocol=${protocol}`,
      "--log-format=json",
    ];
  }

  #ended(
    one: RunningMember,
    child: ChildProcess,
    code: number | null,
    signal: NodeJS.Signals | null,
  ): void {
    if (one.child !== child) return;
    one.child = undefined;
    if (this.#stopping) return;
    const { name } = one.member;
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
    const quick = Date.now() - one.startedMs < quickMs;
    one.quickDeaths = quick ? one.quickDeaths + 1 : 0;
    if (hopeless.has(code) || one.quickDeaths >= quickDeathsMax) {
      this.#giveUp(one, how, code ?? exitCode.failed);
      return;
    }
    say(`${name} ended ${how}; starting it again`);
    setTimeout(() => {
      if (!this.#stopping) this.#start(one);
    }, restartMs);
  }

  /** The others go on for as long as they are a majority. */
  #giveUp(one: RunningMember, how: string, code: number): void {
    one.givenUp = true;
    const { name } = one.member;
    const { members, dataDir } = this.#options;
    const left = this.#running.filter((other) => !other.givenUp).length;
    const goesOn = left > members.length / 2;
    say(
      `${name} ended ${how}, and starting it again would not help; its log is ${relativePath(join(dataDir, `${name}.log`))}`,
      goesOn
        ? "The others go on without it."
        : "Too few members are left to go on; the cluster stops.",
    );
    if (!goesOn) void this.#stop(code);
  }

  #show(member: DevMember, line: string): void {
    const { level, message } = readLine(line);
    const wanted =
      this.#options.verbose || (!this.#stopping && this.#announced && /warn|error/.test(level));
    const fatal = level === "" || level === "error";
    if (wanted || fatal) process.stdout.write(`${member.name} | ${message}\n`);
    else if (!this.#stopping && this.#announced && /leads in/.test(message)) {
      say(`${member.name} leads now`);
    }
  }

  async #announce(): Promise<void> {
    const { members, dataDir } = this.#options;
    let leader: string | undefined;
    for (let i = 0; leader === undefined; i++) {
      if (this.#stopping) return;
      if (i === 100) say("Still no leader; the members' logs say why:", ...this.#logPaths());
      await new Promise((resolve) => setTimeout(resolve, 100));
      leader = await findLeader(members);
    }
    if (this.#stopping) return;
    this.#announced = true;
    const pid = this.#running.find((one) => one.member.name === leader)?.child?.pid;
    const endpoints = members.map((member) => `127.0.0.1:${member.clientPort}`);
    const standard = members[0]?.clientPort === 2379;
    const own = standard ? "" : ` --endpoints ${endpoints[0]}`;
    const rows = members.map((member) => {
      const role = member.name === leader ? "  leader" : "";
      return `  ${member.name}  clients http://127.0.0.1:${member.clientPort}  members http://127.0.0.1:${member.peerPort}${role}`;
    });
    say(
      "",
      `The cluster is ready: ${members.length} member${members.length === 1 ? "" : "s"}, ${leader} leads.`,
      ...rows,
      "",
      "Three things to try, in another terminal:",
      `  npx althing put greeting hello${own} && npx althing get greeting${own}`,
      `  etcdctl --endpoints=${endpoints.join(",")} endpoint status -w table`,
      members.length > 1
        ? `  kill -9 ${pid}   # the leader: another member takes over, and it comes back`
        : `  kill -9 ${pid}   # it comes back, and nothing is lost`,
      "",
      `Ctrl-C stops the cluster. Data and logs stay in ${relativePath(dataDir)}`,
    );
  }

  #logPaths(): string[] {
    const { members, dataDir } = this.#options;
    return members.map((member) => `  ${relativePath(join(dataDir, `${member.name}.log`))}`);
  }

  async #stop(code: number): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const alive = this.#running.filter((one) => one.child !== undefined);
    if (alive.length > 0) say("", `Stopping ${alive.map((one) => one.member.name).join(", ")} ...`);
    const results = await Promise.all(alive.map((one) => stopChild(one)));
    await Promise.all(this.#running.map((one) => new Promise((done) => one.log.end(done))));
    const unclean = results.filter((result) => !result.clean);
    for (const { name, how } of unclean) say(`${name} ended ${how}`);
    if (unclean.length === 0 && alive.length > 0) {
      say(`All stopped cleanly. The data stays in ${relativePath(this.#options.dataDir)}`);
    }
    this.#finish(unclean.length > 0 && code === exitCode.ok ? exitCode.failed : code);
  }

  #killAll(): void {
    say("Ending at once");
    for (const one of this.#running) one.child?.kill("SIGKILL");
  }
}

interface Stopped {
  readonly name: string;
  readonly clean: boolean;
  readonly how: string;
}

function stopChild(one: RunningMember): Promise<Stopped> {
  const { name } = one.member;
  const { child } = one;
  return new Promise((resolve) => {
    if (child === undefined) return resolve({ name, clean: true, how: "" });
    const timer = setTimeout(() => child.kill("SIGKILL"), stopBoundMs);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
      // One that was only just starting has nothing to stop in order yet.
      resolve({ name, clean: code === 0 || signal === "SIGTERM", how });
    });
    child.kill("SIGTERM");
    // One that was frozen could not hear it.
    child.kill("SIGCONT");
  });
}

/** The name of the leader, once a member says that there is one. */
async function findLeader(members: readonly DevMember[]): Promise<string | undefined> {
  const asked = await Promise.all(members.map((member) => askStatus(member.clientPort)));
  const leaders = members.filter((_, i) => asked[i] === "leader");
  return leaders.length === 1 ? leaders[0]!.name : undefined;
}

async function askStatus(port: number): Promise<"leader" | "other" | undefined> {
  const tls = { verify: true };
  const client = new GrpcClient([parseEndpoint(`127.0.0.1:${port}`, tls)], tls, 1_000);
  try {
    const status = await client.unary(
      "etcdserverpb.Maintenance/Status",
      codecs.StatusRequest,
      codecs.StatusResponse,
      {},
    );
    const leads = status.leader !== 0n && status.leader === status.header?.member_id;
    return leads ? "leader" : "other";
  } catch {
    return undefined;
  } finally {
    client.close();
  }
}

/** A line that is no JSON is the last word of a member that could not start, or a crash. */
function readLine(line: string): { level: string; message: string } {
  try {
    const parsed = JSON.parse(line) as { level?: unknown; message?: unknown };
    return { level: String(parsed.level ?? ""), message: String(parsed.message ?? line) };
  } catch {
    return { level: "", message: line };
  }
}

function say(...lines: string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

function relativePath(path: string): string {
  const short = relative(process.cwd(), path);
  return short === "" || short.startsWith("..") ? path : short;
}
