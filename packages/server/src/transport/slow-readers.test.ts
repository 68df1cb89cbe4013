// Over HTTP/1.1 and WebSocket as over HTTP/2: who does not read is cut off, whatever else it says.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { WebSocket } from "ws";
import { limitsOf, MemoryBudget } from "./budget.ts";
import type { HttpStreamRoute } from "./port.ts";
import { startEcho } from "./testing/echo-service.ts";

const ignore = () => {};

test("a reader of an endless answer is cut off although it goes on sending", async (t) => {
  const memory = new MemoryBudget(limitsOf(256 << 20));
  const server = await startEcho({ stallMs: 200, memory });
  t.after(() => server.close(0));
  const socket = connect(server.address.port, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.on("error", ignore);
  socket.pause();
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  const body = "x".repeat(0x8000);
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, memory.usedBytes);
    if (socket.writableLength < 1 << 20) socket.write(`8000\r\n${body}\r\n`);
  }, 1);
  await closed;
  clearInterval(timer);
  assert.ok(most < 4 << 20, `${most} bytes waited for it`);
  while (memory.usedBytes > 0) await new Promise(setImmediate);
});

test("a web socket that pings and never reads is cut off", async (t) => {
  const memory = new MemoryBudget(limitsOf(256 << 20));
  const server = await startEcho({ memory });
  t.after(() => server.close(0));
  const socket = new WebSocket(`ws://127.0.0.1:${server.address.port}/echo`);
  t.after(() => socket.terminate());
  socket.on("error", ignore);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve) => socket.once("open", resolve));
  socket.pause();
  const data = Buffer.alloc(125);
  const timer = setInterval(() => {
    for (let i = 0; i < 5000 && socket.bufferedAmount < 1 << 20; i++) socket.ping(data);
    // Paused it would not hear that it has been closed.
    if (memory.usedBytes === 0) socket.terminate();
  }, 1);
  await closed;
  clearInterval(timer);
  // The client may hear of it first.
  while (memory.usedBytes > 0) await new Promise(setImmediate);
});

test("a web socket without room for its answers is closed, and whoever serves it is told", async (t) => {
  const memory = new MemoryBudget(limitsOf(4 << 20));
  let answer = () => {};
  const told = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const route: HttpStreamRoute = {
    path: "/much",
    open(_request, reply) {
      reply.onCancel(answer);
      return {
        data() {
          while (reply.write("x".repeat(1 << 20)));
        },
        ended() {},
        closing() {},
      };
    },
  };
  const server = await startEcho({ memory, routes: [route] });
  t.after(() => server.close(0));
  const socket = new WebSocket(`ws://127.0.0.1:${server.address.port}/much`);
  t.after(() => socket.terminate());
  socket.on("error", ignore);
  await new Promise((resolve) => socket.once("open", resolve));
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  // A message for each, until one finds no room.
  for (let i = 0; i < 8; i++) socket.send("more");
  const tryAgainLater = 1013;
  assert.equal(await closed, tryAgainLater);
  await told;
});
