// Members and clients that meet at sockets of the file system, as etcd's may.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { connect as secureConnect } from "node:tls";
import { encodeCommand } from "@althing/store";
import { defaultConfig } from "./config/config.ts";
import { tlsFilesOf } from "./config/tls-settings.ts";
import { createLogger } from "./observe/logging.ts";
import { type Server, startServer } from "./server.ts";

const root = mkdtempSync(join(tmpdir(), "althing-s-"));
const servers: Server[] = [];
after(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(root, { recursive: true, force: true });
});
const logger = createLogger({ level: "error", format: "json", outputs: ["stderr"], fields: {} });

async function comeTo(socketPath: string): Promise<Socket> {
  const socket = connect(socketPath);
  await once(socket, "connect");
  return socket;
}

function healthOver(scheme: string, socket: Socket): Promise<number | undefined> {
  const createConnection = () =>
    scheme === "unix" ? socket : secureConnect({ socket, rejectUnauthorized: false });
  return new Promise((resolve, reject) => {
    const asked = request({ path: "/health", host: "localhost", createConnection }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode));
    });
    asked.on("error", reject);
    asked.end();
  });
}

for (const scheme of ["unix", "unixs"]) {
  test(`members talk and serve over sockets, also where a dead process left one: ${scheme}`, async () => {
    const folder = mkdtempSync(join(root, scheme));
    const peerUrls = (name: string) => [`${scheme}://${join(folder, `${name}.sock`)}:2`];
    const names = ["m1", "m2"];
    const initialCluster = names.map((name) => ({ name, peerUrls: peerUrls(name) }));
    const left = join(folder, "m1.sock:2");
    const script = `require("node:net").createServer().listen(${JSON.stringify(left)}, () => process.kill(process.pid, 9))`;
    await once(spawn(process.execPath, ["-e", script]), "exit");
    assert.ok(existsSync(left));

    const started = names.map((name) =>
      startServer(
        defaultConfig({
          name,
          dataDir: join(folder, name),
          listenClientUrls: [`${scheme}://${join(folder, `${name}.client`)}`],
          advertiseClientUrls: [`${scheme}://${join(folder, `${name}.client`)}`],
          listenPeerUrls: peerUrls(name),
          initialAdvertisePeerUrls: peerUrls(name),
          initialCluster,
          peerTls: tlsFilesOf({ autoTls: true }),
          clientTls: tlsFilesOf({ autoTls: true }),
          heartbeatIntervalMs: 20,
          electionTimeoutMs: 200,
        }),
        { logger },
      ),
    );
    const [one, two] = (await Promise.all(started)) as [Server, Server];
    servers.push(one, two);
    await Promise.all([one.ready(), two.ready()]);
    const put = encodeCommand({ kind: "compact", revision: 1 });
    const outcome = await new Promise<string>((done) =>
      two.member.propose(put, ({ kind }) => done(kind)),
    );
    assert.equal(outcome, "applied");
    // One that has come and says nothing yet is none of those that come and go meanwhile.
    const door = join(folder, "m2.client");
    const early = await comeTo(door);
    for (const socket of [await comeTo(door), await comeTo(door)]) {
      assert.equal(await healthOver(scheme, socket), 200);
      socket.destroy();
      await once(socket, "close");
    }
    assert.equal(await healthOver(scheme, early), 200);
    assert.deepEqual(two.clientUrls, [`${scheme}://${join(folder, "m2.client")}`]);
  });
}
