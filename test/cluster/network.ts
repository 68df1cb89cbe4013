// A network of namespaces, one per member, joined by a bridge in a namespace of its own: nothing of it is
// visible from the machine, and links are cut in one direction with a route that goes nowhere. Needs
// root and iproute2.
//
// The bridge's namespace also runs a small relay from Unix sockets to the members, so that a test
// talks to them without being in any namespace itself.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Target } from "../../bench/load/connection.ts";
import { guard, unguard } from "./guard.ts";
import { findProgram } from "./program.ts";

let made = 0;

/** Why namespaces cannot be had here; undefined when they can. */
export function whyNoNetwork(): string | undefined {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  if (findProgram("ip") === undefined) return "the program ip (iproute2) is not installed";
  return undefined;
}

export class ClusterNetwork {
  readonly #prefix: string;
  readonly #count: number;
  readonly #folder: string;
  #relay: ChildProcess | undefined;

  private constructor(count: number) {
    made += 1;
    this.#prefix = `al${process.pid.toString(36)}${made.toString(36)}`;
    this.#count = count;
    this.#folder = mkdtempSync(join(tmpdir(), "althing-net-"));
    guard("dir", this.#folder);
  }

  static async create(count: number): Promise<ClusterNetwork> {
    const network = new ClusterNetwork(count);
    await network.#build();
    return network;
  }

  addressOf(member: number): string {
    return `10.77.0.${member + 1}`;
  }

  targetOf(member: number): Target {
    return { path: join(this.#folder, `${member}.sock`) };
  }

  prefixOf(member: number): readonly string[] {
    return ["ip", "netns", "exec", this.#namespaceOf(member)];
  }

  /** What `from` sends to `to` is lost; the other direction still works. */
  cut(from: number, to: number): void {
    this.#inside(from, "route", "replace", "blackhole", `${this.addressOf(to)}/32`);
  }

  heal(from: number, to: number): void {
    this.#inside(from, "route", "del", "blackhole", `${this.addressOf(to)}/32`);
  }

  /** Both directions between one member and each of the others. */
  isolate(member: number): void {
    for (const other of this.#others(member)) {
      this.cut(member, other);
      this.cut(other, member);
    }
  }

  rejoin(member: number): void {
    for (const other of this.#others(member)) {
      this.heal(member, other);
      this.heal(other, member);
    }
  }

  close(): void {
    this.#relay?.kill("SIGKILL");
    for (let member = 0; member < this.#count; member++) this.#remove(this.#namespaceOf(member));
    this.#remove(this.#hub);
    rmSync(this.#folder, { recursive: true, force: true });
    unguard("dir", this.#folder);
  }

  get #hub(): string {
    return `${this.#prefix}hub`;
  }

  #namespaceOf(member: number): string {
    return `${this.#prefix}m${member}`;
  }

  #others(member: number): number[] {
    return Array.from({ length: this.#count }, (_, i) => i).filter((other) => other !== member);
  }

  async #build(): Promise<void> {
    this.#add(this.#hub);
    const hub = (...args: string[]) => ip("-n", this.#hub, ...args);
    hub("link", "set", "lo", "up");
    hub("link", "add", "bridge0", "type", "bridge");
    hub("addr", "add", "10.77.0.254/24", "dev", "bridge0");
    hub("link", "set", "bridge0", "up");
    for (let member = 0; member < this.#count; member++) {
      const namespace = this.#namespaceOf(member);
      this.#add(namespace);
      hub(
        "link",
        "add",
        `port${member}`,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        namespace,
      );
      hub("link", "set", `port${member}`, "master", "bridge0", "up");
      this.#inside(member, "link", "set", "lo", "up");
      this.#inside(member, "addr", "add", `${this.addressOf(member)}/24`, "dev", "eth0");
      this.#inside(member, "link", "set", "eth0", "up");
    }
    const relay = fileURLToPath(new URL("relay.ts", import.meta.url));
    const routes = Array.from({ length: this.#count }, (_, i) => {
      return `${this.targetOf(i).path}=${this.addressOf(i)}:2379`;
    });
    this.#relay = spawn("ip", ["netns", "exec", this.#hub, process.execPath, relay, ...routes], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (this.#relay.pid !== undefined) guard("pid", this.#relay.pid);
    await new Promise<void>((resolve, reject) => {
      this.#relay?.stdout?.once("data", () => resolve());
      this.#relay?.once("exit", () => reject(new Error("the relay ended")));
    });
  }

  #inside(member: number, ...args: string[]): void {
    ip("-n", this.#namespaceOf(member), ...args);
  }

  #add(namespace: string): void {
    ip("netns", "add", namespace);
    guard("netns", namespace);
  }

  #remove(namespace: string): void {
    spawnSync("ip", ["netns", "delete", namespace]);
    unguard("netns", namespace);
  }
}

function ip(...args: string[]): void {
  const run = spawnSync("ip", args, { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`ip ${args.join(" ")}: ${run.stderr || run.error}`);
}
