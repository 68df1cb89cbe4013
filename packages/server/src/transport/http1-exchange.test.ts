import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after, test } from "node:test";
import { limitsOf, MemoryBudget } from "./budget.ts";
import { createTransportCounters } from "./counters.ts";
import { Entrance } from "./entrance.ts";
import { Http1Server } from "./http1-server.ts";
import type { HttpStreamReply } from "./port.ts";
import { Router } from "./router.ts";
import { VisitorRules } from "./visitor-rules.ts";

let told: string[] = [];
const open = (_request: unknown, reply: HttpStreamReply) => {
  reply.onCancel(() => told.push("cancelled"));
  return { data: () => {}, ended: () => {}, closing: () => {} };
};
const entrance = new Entrance(
  new Router([], [{ path: "/stream", open }]),
  new VisitorRules({ hosts: [], origins: [] }),
  createTransportCounters([]),
  () => {},
);
const http1 = new Http1Server(entrance, { stallMs: 1000, bodyMs: 50, isProbe: () => false });
const memory = new MemoryBudget(limitsOf(1e9));
const listener = createServer((socket) => {
  const account = memory.open("", () => socket.destroy());
  http1.take(socket, { account, address: "", visitor: "", isReserved: false });
}).listen(0, "127.0.0.1");
await new Promise((resolve) => listener.once("listening", resolve));
after(() => {
  http1.destroy();
  listener.close();
});

/** What comes back until the server closes. */
async function answerTo(text: string): Promise<string> {
  const { port } = listener.address() as AddressInfo;
  const socket: Socket = connect(port, "127.0.0.1");
  socket.write(text);
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  return answer;
}

test("a request that takes too long to say what it wants is refused, and whoever serves it is told", async () => {
  told = [];
  const head = "POST /stream HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  assert.match(await answerTo(`${head}2\r\n{}\r\n`), /^HTTP\/1\.1 408 /);
  assert.deepEqual(told, ["cancelled"]);
});

test("what comes behind an answer has to end in time, too", async () => {
  const started = performance.now();
  const head = "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  assert.match(await answerTo(`${head}2\r\n{}\r\n`), /^HTTP\/1\.1 404 /);
  assert.ok(performance.now() - started < 5000, "it was not kept until it was silent for long");
});
