// The load generator's connection against Node's own HTTP/2 server: two independent implementations
// must agree about header compression, flow control and framing.

import assert from "node:assert/strict";
import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { Connection } from "./connection.ts";

let server: Http2Server;
let connection: Connection;
const received: { path: string; authority: string; body: Buffer }[] = [];

/** Every printable character, so that each one's Huffman code is exercised. */
const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("");

before(async () => {
  server = createServer();
  server.on("stream", (stream, headers) => {
    const parts: Buffer[] = [];
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("end", () => {
      const framed = Buffer.concat(parts);
      const path = String(headers[":path"]);
      received.push({ path, authority: String(headers[":authority"]), body: framed });
      stream.respond(
        { ":status": 200, "content-type": "application/grpc" },
        { waitForTrailers: true },
      );
      stream.on("wantTrailers", () => {
        stream.sendTrailers({
          "grpc-status": path === "/fails" ? "3" : "0",
          "grpc-message": path === "/fails" ? encodeURIComponent(`why: ${printable}`) : "",
          "x-printable": printable.trim(),
        });
      });
      stream.end(framed);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  connection = new Connection({ host: "127.0.0.1", port });
  await connection.ready();
});

after(() => {
  connection.close();
  server.close();
});

function call(path: string, body: Uint8Array): Promise<[number, string, Uint8Array | undefined]> {
  return new Promise((resolve) => connection.call(path, body, (...reply) => resolve(reply)));
}

test("a call's message arrives whole and its echo comes back, whatever its size", async () => {
  for (const size of [0, 1, 256, 16_379, 16_380, 70_000, 2_000_000]) {
    const body = Buffer.alloc(size, size % 251);
    const [status, , echo] = await call(`/echo/${size}`, body);
    assert.equal(status, 0);
    assert.deepEqual(Buffer.from(echo ?? []), body);
    assert.equal(received.at(-1)?.path, `/echo/${size}`);
  }
});

test("many calls in flight each get their own answer", async () => {
  const bodies = Array.from({ length: 500 }, (_, i) => Buffer.from(`body ${i}`));
  const replies = await Promise.all(bodies.map((body, i) => call(`/m${i % 3}`, body)));
  assert.deepEqual(
    replies.map(([status, , echo]) => [status, Buffer.from(echo ?? []).toString()]),
    bodies.map((body) => [0, body.toString()]),
  );
});

test("an error carries its code and its text unharmed", async () => {
  const [status, message] = await call("/fails", Buffer.alloc(3));
  assert.equal(status, 3);
  assert.equal(message, `why: ${printable}`);
});

test("a stream's messages come whole and in order, lent or copied, wherever frames cut them", async () => {
  const messages = [0, 1, 300, 20_000, 5, 16_379, 40_000, 7, 7].map((size, i) =>
    Buffer.alloc(size, 65 + i),
  );
  for (const isBorrowed of [true, false]) {
    const came: Buffer[] = [];
    const status = await new Promise<number>((resolve) => {
      const id = connection.stream("/stream", {
        isBorrowed,
        onMessage: (body) => came.push(Buffer.from(body)),
        onEnd: resolve,
      });
      for (const message of messages) connection.send(id, message);
      connection.endSending(id);
    });
    assert.equal(status, 0);
    assert.deepEqual(came, messages);
  }
});

test("a broken connection ends every call as unavailable, once", async () => {
  const { port } = server.address() as AddressInfo;
  const other = new Connection({ host: "127.0.0.1", port });
  await other.ready();
  let ends = 0;
  const ended = new Promise<number>((resolve) => {
    other.stream("/never", {
      onMessage: () => {},
      onEnd: (status) => {
        ends += 1;
        resolve(status);
      },
    });
  });
  other.close();
  assert.equal(await ended, 14);
  const late = await new Promise((resolve) => other.call("/echo", Buffer.alloc(1), resolve));
  assert.equal(late, 14);
  assert.equal(ends, 1);
});
