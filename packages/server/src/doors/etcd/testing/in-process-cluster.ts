// Whole servers in the test's own process, on directories and ports of their own: what a door does
// that takes more than one member.

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, defaultConfig } from "../../../config/config.ts";
import { createLogger } from "../../../observe/logging.ts";
import { type Server, type ServerOptions, startServer } from "../../../server.ts";
import { EtcdClient } from "./served-door.ts";

export interface Running {
  readonly name: string;
  readonly peerUrl: string;
  readonly server: Server;
  readonly client: EtcdClient;
  readonly port: number;
}

const logger = createLogger({ level: "error", format: "json", outputs: ["stderr"], fields: {} });

export class InProcessCluster {
  readonly folder = mkdtempSync(join(tmpdir(), "althing-cluster-"));
  readonly running: Running[] = [];
  #urls: { readonly name: string; readonly peerUrls: string[] }[] = [];

  async found(names: readonly string[], change: Partial<Config> = {}): Promise<readonly Running[]> {
    for (const name of names) await this.address(name);
    return await Promise.all(names.map((name) => this.start(name, change)));
  }

  /** Gives a member an address, so that it can be added before it starts. */
  async address(name: string): Promise<string> {
    const url = `http://127.0.0.1:${await freePort()}`;
    this.#urls.push({ name, peerUrls: [url] });
    return url;
  }

  async start(
    name: string,
    change: Partial<Config> = {},
    options: ServerOptions = {},
  ): Promise<Running> {
    const peerUrls = this.#urls.find((one) => one.name === name)!.peerUrls;
    const config = defaultConfig({
      name,
      dataDir: join(this.folder, name),
      listenClientUrls: ["http://127.0.0.1:0"],
      advertiseClientUrls: [`http://127.0.0.1:1/${name}`],
      listenPeerUrls: peerUrls,
      initialAdvertisePeerUrls: peerUrls,
      initialCluster: this.#urls,
      heartbeatIntervalMs: 20,
      electionTimeoutMs: 200,
      ...change,
    });
    const server = await startServer(config, { logger, ...options });
    const [clientUrl] = server.clientUrls;
    if (clientUrl === undefined) {
      const { code, reason } = await server.ended;
      throw new Error(`${name} never served: ${code}: ${reason}`);
    }
    const port = Number(new URL(clientUrl).port);
    const peerUrl = peerUrls[0]!;
    const member = { name, peerUrl, server, client: new EtcdClient(port), port };
    this.running.push(member);
    await server.ready();
    return member;
  }

  async stop(member: Running): Promise<void> {
    member.client.close();
    this.running.splice(this.running.indexOf(member), 1);
    await member.server.stop();
  }

  async close(): Promise<void> {
    await Promise.all([...this.running].map((member) => this.stop(member)));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function until(holds: () => boolean | Promise<boolean>, ms = 8_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`it did not come to be: ${holds}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
