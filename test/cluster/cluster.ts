// A cluster of real processes in a temporary folder, of Althing or of etcd, started with the same flags. It is
// cleaned up when it is disposed of, and by the guardian when the test dies first.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EtcdClient } from "../client/etcd-client.ts";
import { guard, unguard } from "./guard.ts";
import { MemberProcess } from "./member-process.ts";
import type { ClusterNetwork } from "./network.ts";
import { claimPorts, releasePorts } from "./ports.ts";
import { commandOf, type Program } from "./program.ts";
import { type ClusterTls, makeClusterTls } from "./tls.ts";

export interface ClusterOptions {
  readonly program: Program;
  readonly members?: number;
  /** More flags for every member. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** How members talk to each other; "http" if not given. The certificates are among `args`. */
  readonly peerScheme?: "http" | "https";
  /** Mutual TLS on both ports; as ALTHING_TEST_TLS says if not given. */
  readonly isSecure?: boolean;
  /** Each member in a network namespace of its own, so that links can be cut. */
  readonly network?: ClusterNetwork;
  /** Data folders under here in place of the cluster's own folder (a small or failing disk). */
  readonly dataRoot?: string;
  /** The same for single members; undefined leaves a member where it would be. */
  readonly dataRootOf?: (member: number) => string | undefined;
  /** Do not start the members yet. */
  readonly isStopped?: boolean;
}

export class Cluster {
  readonly members: readonly MemberProcess[];
  readonly folder: string;
  readonly program: Program;
  readonly #ports: readonly number[];
  readonly #network: ClusterNetwork | undefined;

  private constructor(
    program: Program,
    members: readonly MemberProcess[],
    folder: string,
    ports: readonly number[],
    network: ClusterNetwork | undefined,
  ) {
    this.program = program;
    this.members = members;
    this.folder = folder;
    this.#ports = ports;
    this.#network = network;
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const count = options.members ?? 3;
    const root = process.env["ALTHING_TEST_DIR"] ?? tmpdir();
    mkdirSync(root, { recursive: true });
    const folder = mkdtempSync(join(root, `althing-test-${options.program}-`));
    guard("dir", folder);
    const { network } = options;
    const isSecure = options.isSecure ?? process.env["ALTHING_TEST_TLS"] === "1";
    const hosts = Array.from({ length: count }, (_, i) => network?.addressOf(i) ?? "127.0.0.1");
    const tls: ClusterTls | undefined = isSecure ? makeClusterTls(folder, hosts) : undefined;
    const scheme = tls === undefined ? "http" : "https";
    const ports = network === undefined ? await claimPorts(count * 2) : [];
    const places = Array.from({ length: count }, (_, i) => {
      const name = `m${i + 1}`;
      const [client, peer] = [ports[2 * i] ?? 2379, ports[2 * i + 1] ?? 2380];
      const host = hosts[i]!;
      const place = network?.targetOf(i) ?? { host, port: client };
      const target = tls === undefined ? place : { ...place, tls: tls.client };
      return {
        name,
        target,
        clientUrl: `${scheme}://${host}:${client}`,
        peerUrl: `${options.peerScheme ?? scheme}://${host}:${peer}`,
      };
    });
    const initialCluster = places.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(",");
    const members = places.map(({ name, target, clientUrl, peerUrl }, i) => {
      const dataDir = join(options.dataRootOf?.(i) ?? options.dataRoot ?? folder, name);
      return new MemberProcess({
        name,
        folder,
        dataDir,
        target,
        clientUrl,
        clientFlags: tls?.clientFlags ?? [],
        peerUrl,
        env: options.env ?? {},
        command: [...(network?.prefixOf(i) ?? []), ...commandOf(options.program)],
        args: [
          `--name=${name}`,
          `--data-dir=${dataDir}`,
          `--listen-client-urls=${clientUrl}`,
          `--advertise-client-urls=${clientUrl}`,
          `--listen-peer-urls=${peerUrl}`,
          `--initial-advertise-peer-urls=${peerUrl}`,
          `--initial-cluster=${initialCluster}`,
          "--initial-cluster-token=althing-test",
          "--initial-cluster-state=new",
          ...(tls?.flags ?? []),
          ...(options.args ?? []),
        ],
      });
    });
    const cluster = new Cluster(options.program, members, folder, ports, network);
    if (options.isStopped) return cluster;
    try {
      for (const member of members) member.start();
      await cluster.waitUntilReady();
    } catch (error) {
      const logs = cluster.logs(40);
      await cluster.stop();
      throw new Error(`${(error as Error).message}\n${logs}`, { cause: error });
    }
    return cluster;
  }

  member(index: number): MemberProcess {
    const member = this.members[index];
    if (member === undefined) throw new Error(`there is no member ${index}`);
    return member;
  }

  /** Every given member answers a linearizable read. */
  async waitUntilReady(
    members: readonly MemberProcess[] = this.members,
    timeoutMs = 30_000,
  ): Promise<void> {
    await Promise.all(
      members.map(async (member) => {
        const client = member.client(2000);
        try {
          await eventually(`${member.name} is ready`, timeoutMs, async () => {
            if (!member.isRunning) throw new NotRunning(member);
            return (await client.range({ key: "ready?" })).code === 0;
          });
        } finally {
          client.close();
        }
      }),
    );
  }

  /** The running member that the running members agree is the leader. Each is asked as `ask` does. */
  async leader(timeoutMs = 20_000, ask: AskStatus = askStatus): Promise<MemberProcess> {
    let found: MemberProcess | undefined;
    await eventually("there is one leader", timeoutMs, async () => {
      found = await this.#leaderNow(ask);
      return found !== undefined;
    });
    if (found === undefined) throw new Error("unreachable");
    return found;
  }

  async #leaderNow(ask: AskStatus): Promise<MemberProcess | undefined> {
    const views = await Promise.all(
      this.members
        .filter((member) => member.isRunning)
        .map(async (member) => {
          const answer = await ask(member);
          return { member, status: answer.code === 0 ? answer.response : undefined };
        }),
    );
    const own = views.filter(
      ({ status }) => status?.leader !== undefined && status.leader === status.header?.member_id,
    );
    // An old leader that does not know yet has a lower term than the new one.
    own.sort((a, b) => (b.status?.raftTerm ?? 0) - (a.status?.raftTerm ?? 0));
    return own[0]?.member;
  }

  async followers(): Promise<MemberProcess[]> {
    const leader = await this.leader();
    return this.members.filter((member) => member !== leader && member.isRunning);
  }

  /** The last lines of every member's log. */
  logs(lines = 60): string {
    return this.members
      .map((member) => {
        const text = member.log().trimEnd().split("\n").slice(-lines).join("\n");
        return `---- ${member.name}, last exit ${JSON.stringify(member.lastExit)}\n${text}`;
      })
      .join("\n");
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    this.#network?.close();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    unguard("dir", this.folder);
    releasePorts(this.#ports);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

export type AskStatus = (member: MemberProcess) => ReturnType<EtcdClient["status"]>;

async function askStatus(member: MemberProcess): ReturnType<AskStatus> {
  const client = member.client(1000);
  const answer = await client.status();
  client.close();
  return answer;
}

class NotRunning extends Error {
  constructor(member: MemberProcess) {
    super(`${member.name} ended with ${JSON.stringify(member.lastExit)}`);
  }
}

/** Asks again until the answer is yes; the only place where tests wait for time to pass. */
export async function eventually(
  claim: string,
  timeoutMs: number,
  ask: () => Promise<boolean> | boolean,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (await ask()) return;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${claim}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
