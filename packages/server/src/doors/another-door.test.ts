// Whoever builds another door touches nothing but the list of doors: here is one with a protocol of its own, GET and
// SET as Redis has them, beside etcd's and over the same keys.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { proposeFor } from "@althing/service";
import { encodeCommand, plainRange } from "@althing/store";
import { resolveConfig } from "../config/index.ts";
import { startServer } from "../server.ts";
import type { DoorContext } from "./context.ts";
import type { Door, OpenDoor } from "./door.ts";
import { doors } from "./doors.ts";

/** Inline commands alone: `SET key value` and `GET key`. */
const openTinyDoor: OpenDoor = (context): Door => {
  const sockets = new Set<Socket>();
  let commands = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.setEncoding("latin1");
    let text = "";
    socket.on("data", (chunk) => {
      const lines = (text + chunk).split("\r\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        commands++;
        run(context, line.split(" "), (answer) => socket.write(answer, "latin1"));
      }
    });
  });
  return {
    name: "tiny",
    services: [],
    routes: [
      {
        path: "/tiny",
        methods: ["GET"],
        handle: (_request, reply) => reply.respond(200, {}, `${commands}\n`),
      },
    ],
    families: [
      {
        name: "althing_tiny_commands_total",
        type: "counter",
        help: "Commands of the tiny door.",
        samples: () => [{ labels: {}, value: commands }],
      },
    ],
    listen: () =>
      new Promise((resolve) => {
        server.listen(0, "127.0.0.1", () => {
          resolve([`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`]);
        });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.end();
      }),
  };
};

function run(context: DoorContext, words: readonly string[], done: (answer: string) => void): void {
  const [verb, key = "", value = ""] = words;
  const { member, store } = context;
  if (verb === "SET") {
    const put = { kind: "put", key, value: Buffer.from(value, "latin1"), lease: 0n } as const;
    const command = encodeCommand({
      ...put,
      prevKv: false,
      ignoreValue: false,
      ignoreLease: false,
    });
    proposeFor(member, { caller: () => undefined }, command, (outcome) => {
      done(outcome.kind === "applied" ? "+OK\r\n" : "-ERR not written\r\n");
    });
  } else if (verb === "GET") {
    member.read((error) => {
      if (error !== undefined) return done(`-ERR ${error.message}\r\n`);
      const found = store.range(plainRange(key));
      const [kv] = found.kind === "range" ? found.kvs : [];
      if (kv === undefined) return done("$-1\r\n");
      done(`$${kv.value.length}\r\n${Buffer.from(kv.value).toString("latin1")}\r\n`);
    });
  } else done(`-ERR unknown command '${verb}'\r\n`);
}

test("another door is a function and a place in the list", async () => {
  const root = mkdtempSync(join(tmpdir(), "althing-door-"));
  const settings = {
    "data-dir": join(root, "data"),
    engine: "memory",
    "listen-client-urls": "http://127.0.0.1:0",
    "advertise-client-urls": "http://127.0.0.1:26510",
    "listen-peer-urls": "http://127.0.0.1:26511",
    "initial-advertise-peer-urls": "http://127.0.0.1:26511",
    "initial-cluster": "default=http://127.0.0.1:26511",
    "log-level": "error",
  };
  const { config } = resolveConfig(
    new Map(Object.entries(settings).map(([name, value]) => [name, { value, origin: name }])),
  );
  const server = await startServer(config, { doors: [...doors, openTinyDoor] });
  try {
    await server.ready();
    const [http, tcp] = server.clientUrls as [string, string];
    const socket = createConnection(Number(new URL(tcp).port), "127.0.0.1");
    const answers = linesOf(socket);
    const ask = async (command: string, lines: number) => {
      socket.write(`${command}\r\n`);
      const told: string[] = [];
      while (told.length < lines) told.push((await answers.next()).value);
      return told;
    };
    assert.deepEqual(await ask("SET greeting hello", 1), ["+OK"]);
    assert.deepEqual(await ask("GET greeting", 2), ["$5", "hello"]);
    assert.deepEqual(await ask("GET nothing", 1), ["$-1"]);
    assert.deepEqual(await ask("DEL greeting", 1), ["-ERR unknown command 'DEL'"]);
    const range = await fetch(`${http}/v3/kv/range`, {
      method: "POST",
      body: JSON.stringify({ key: Buffer.from("greeting").toString("base64") }),
    });
    const { kvs } = (await range.json()) as { kvs: { value: string }[] };
    assert.equal(Buffer.from(kvs[0]!.value, "base64").toString(), "hello");
    assert.equal(await (await fetch(`${http}/tiny`)).text(), "4\n");
    assert.equal((await fetch(`${http}/tiny`, { method: "PUT" })).status, 405);
    assert.match(await (await fetch(`${http}/metrics`)).text(), /^althing_tiny_commands_total 4$/m);
  } finally {
    await server.stop();
    rmSync(root, { recursive: true, force: true });
  }
});

async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of socket) {
    const lines = (text + String(chunk)).split("\r\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
}
