// What a parser takes in one go, whoever sends it: thousands of requests down one HTTP/1.1 connection, thousands of
// frames and messages over WebSocket, millions of values in one JSON object. None of it needs a password.

import { once } from "node:events";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { connectTls13 } from "../../packages/server/src/transport/testing/tls13-client.ts";
import type { MemberProcess } from "../cluster/member-process.ts";
import { claimPorts, releasePorts } from "../cluster/ports.ts";
import { attacked, attackOptions, dialMany, isQuiet, mebibyte, pause } from "./flood.ts";

const upgrade =
  "GET /v3/watch HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
const text = 1;
const ping = 9;

/** Masked, with a mask of zeros. */
function frame(opcode: number, payload: string): Buffer {
  const head = Buffer.alloc(14);
  head[0] = 0x80 | opcode;
  head[1] = 0xff;
  head.writeUInt32BE(payload.length, 6);
  return Buffer.concat([head, Buffer.from(payload)]);
}

const post = (body: string) =>
  `POST /v3/kv/range HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** All of it from each of some connections, at once. */
async function say(
  member: MemberProcess,
  count: number,
  what: string | Buffer,
  { first = "", forMs = 4000 } = {},
): Promise<void> {
  const sockets = await dialMany(member, count);
  for (const socket of sockets) socket.write(first);
  if (first !== "") await pause(500);
  for (const socket of sockets) socket.write(what);
  await pause(forMs);
  for (const socket of sockets) socket.destroy();
}

test("seventeen hundred requests down each of ten connections", attackOptions, async (t) => {
  const many = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1700);
  isQuiet(await attacked(t, (member) => say(member, 10, many)));
});

test("ten thousand pings over each of twenty WebSockets", attackOptions, async (t) => {
  const many = Buffer.concat(Array.from({ length: 10_000 }, () => frame(ping, "")));
  isQuiet(await attacked(t, (member) => say(member, 20, many, { first: upgrade })));
});

test("a million empty requests in one WebSocket message", attackOptions, async (t) => {
  const message = frame(text, "{}".repeat(mebibyte));
  isQuiet(await attacked(t, (member) => say(member, 1, message, { first: upgrade })));
});

for (const [name, body] of [
  ["numbers, one of them long", `{"x":[${"0,".repeat(4_000_000)}0],"y":1234567890123456789}`],
  ["objects", `{"x":[${"{},".repeat(2_700_000)}0]}`],
  ["lists within lists", `{"x":${"[".repeat(4_000_000)}${"]".repeat(4_000_000)}}`],
] as const) {
  test(`eight megabytes of JSON that is ${name}`, attackOptions, async (t) => {
    isQuiet(await attacked(t, (member) => say(member, 1, post(body))));
  });
}

/** The first words of a TLS client, to be said again and again: the member cannot tell, and signs. */
async function helloOfTls(): Promise<Buffer> {
  return await new Promise((resolve) => {
    const wire = new Duplex({ read() {}, write: (chunk: Buffer) => resolve(chunk) });
    connectTls({ socket: wire }).on("error", () => {});
  });
}

test("a thousand TLS handshakes in one turn", attackOptions, async (t) => {
  const [port = 0] = await claimPorts(1);
  t.after(() => releasePorts([port]));
  const hello = await helloOfTls();
  const cost = await attacked(t, async () => {
    const sockets = Array.from({ length: 1000 }, () => connect(port, "127.0.0.1").resume());
    for (const socket of sockets) socket.on("error", () => {});
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    // All but the last byte of each, so that nothing is left but to sign.
    for (const socket of sockets) socket.write(hello.subarray(0, -1));
    await pause(2000);
    for (const socket of sockets) socket.write(hello.subarray(-1));
    await pause(4000);
    for (const socket of sockets) socket.destroy();
  }, ["--auto-tls", `--listen-metrics-urls=https://127.0.0.1:${port}`]);
  isQuiet(cost);
});

test(
  "changes of keys over TLS, ten thousand on each of four connections",
  attackOptions,
  async (t) => {
    const [port = 0] = await claimPorts(1);
    t.after(() => releasePorts([port]));
    const cost = await attacked(t, async () => {
      const clients = [];
      for (let i = 0; i < 4; i++) clients.push(await connectTls13(port));
      const floods = clients.map((): Buffer[] => []);
      for (let made = 0; made < 10_000; made += 50) {
        for (const [i, { keyUpdates }] of clients.entries()) floods[i]!.push(keyUpdates(50));
        await pause(1);
      }
      for (const [i, { socket }] of clients.entries()) socket.write(Buffer.concat(floods[i]!));
      await pause(5000);
      for (const { socket } of clients) socket.destroy();
    }, ["--auto-tls", `--listen-metrics-urls=https://127.0.0.1:${port}`]);
    isQuiet(cost);
  },
);
