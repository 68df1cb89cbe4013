// The client port over real sockets. Long, because HTTP/1.1, HTTP/2 and their limits are each tried.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { after, test } from "node:test";
import { etcdCodecs } from "@althing/wire";
import { limitsOf, MemoryBudget } from "./budget.ts";
import { type EchoServer, startEcho } from "./testing/echo-service.ts";
import { frame, GrpcClient } from "./testing/grpc-client.ts";

const { PutRequest } = etcdCodecs;
const put = PutRequest.encode({ key: Buffer.from("k"), value: Buffer.from("v") });
const server: EchoServer = await startEcho();
const { port } = server.address;
const client = new GrpcClient(port);
after(async () => {
  client.close();
  await server.close(1000);
});

/** Waits until `holds`, which some event of a socket will bring about. */
async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 4000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, "it never came true");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("a unary call echoes, is counted and carries status 0", async () => {
  const answer = await client.call("/test.Echo/Echo", put);
  assert.deepEqual(answer, { status: 0, message: "", messages: [Buffer.from(put)] });
  const counted = [...server.counters.methods.values()].find((one) => one.method === "Echo")!;
  assert.deepEqual(
    [counted.started, counted.received, counted.sent, counted.handled[0]],
    [1, 1, 1, 1],
  );
});

test("an empty message is a message", async () => {
  const answer = await client.call("/test.Echo/Echo", new Uint8Array(0));
  assert.deepEqual(answer, { status: 0, message: "", messages: [Buffer.alloc(0)] });
});

test("a status text survives any characters", async () => {
  const answer = await client.call("/test.Echo/Fail", put);
  assert.deepEqual(answer, { status: 10, message: "no: 100% zu spät\n", messages: [] });
});

test("streams: three answers to one request, and an answer to each of many", async () => {
  const three = await client.call("/test.Echo/Repeat", put);
  assert.deepEqual([three.status, three.messages.length], [0, 3]);
  const talk = await client.raw("/test.Echo/Talk", Buffer.concat([frame(put), frame(put)]));
  assert.deepEqual([talk.status, talk.messages.length], [0, 2]);
});

test("a message split at every byte arrives whole", async () => {
  const bytes = frame(put);
  const stream = client.open("/test.Echo/Echo");
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  for (const byte of bytes) {
    stream.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  stream.end();
  await new Promise((resolve) => stream.on("close", resolve));
  assert.deepEqual(Buffer.concat(chunks), bytes);
});

test("two MiB are taken, one byte more is refused with etcd's text", async () => {
  const overhead = PutRequest.encode({ value: Buffer.alloc(2_000_000) }).length - 2_000_000;
  const value = Buffer.alloc(2_097_152 - overhead, 7);
  const largest = await client.call("/test.Echo/Echo", PutRequest.encode({ value }));
  assert.deepEqual([largest.status, largest.messages[0]!.length], [0, 2_097_152]);
  const refused = await client.call("/test.Echo/Echo", Buffer.alloc(2_097_153));
  assert.deepEqual(refused, {
    status: 8,
    message: "grpc: received message larger than max (2097153 vs. 2097152)",
    messages: [],
  });
  assert.equal((await client.call("/test.Echo/Echo", put)).status, 0);
});

test("what is not served is told in gRPC's words", async () => {
  const status = async (path: string, headers?: Record<string, string>) => {
    const answer = await client.call(path, put, headers);
    return [answer.status, answer.message];
  };
  assert.deepEqual(await status("/test.Echo/Nope"), [
    12,
    "unknown method Nope for service test.Echo",
  ]);
  assert.deepEqual(await status("/no.Such/Nope"), [12, "unknown service no.Such"]);
  assert.deepEqual(await status("/"), [12, 'malformed method name: "/"']);
  assert.deepEqual(await status("/test.Echo/Echo", { "grpc-encoding": "gzip" }), [
    12,
    'grpc: Decompressor is not installed for grpc-encoding "gzip"',
  ]);
  assert.deepEqual(await status("/test.Echo/Echo", { "grpc-timeout": "soon" }), [
    13,
    "malformed grpc-timeout: soon",
  ]);
});

test("malformed frames and messages are refused with a code", async () => {
  const path = "/test.Echo/Echo";
  const compressed = frame(put);
  compressed[0] = 1;
  const strange = frame(put);
  strange[0] = 9;
  const cases: [Buffer, string][] = [
    [compressed, "grpc: compressed flag set with identity or empty encoding"],
    [strange, "grpc: received unexpected payload format 9"],
    [frame(put).subarray(0, 7), "unexpected EOF"],
    [frame(put).subarray(0, 3), "unexpected EOF"],
    [Buffer.alloc(0), "grpc: a request message is missing"],
    [frame(Buffer.from("0aff", "hex")), "grpc: error unmarshalling request: unexpected EOF"],
  ];
  for (const [body, message] of cases) {
    assert.deepEqual(await client.raw(path, body), { status: 13, message, messages: [] });
  }
});

test("a handler that throws costs its call alone", async () => {
  const answer = await client.call("/test.Echo/Throw", put);
  assert.deepEqual([answer.status, answer.message], [13, "internal error"]);
  assert.ok(server.events.includes("grpcHandlerFailed"));
});

test("a route that throws answers 500, and the log says so", async () => {
  const before = server.events.length;
  const response = await fetch(`http://127.0.0.1:${port}/throws`);
  assert.deepEqual([response.status, await response.text()], [500, "internal error\n"]);
  assert.deepEqual(server.events.slice(before), ["httpHandlerFailed"]);
});

test("a deadline ends the call and tells its handler", async () => {
  const before = server.cancelled;
  const answer = await client.call("/test.Echo/Wait", put, { "grpc-timeout": "20m" });
  assert.deepEqual([answer.status, answer.message], [4, "context deadline exceeded"]);
  assert.equal(server.cancelled, before + 1);
});

test("a client that leaves tells its handlers, by reset and by hanging up", async () => {
  const before = server.cancelled;
  const waiting = [...server.counters.methods.values()].find((one) => one.method === "Wait")!;
  const { received } = waiting;
  const stream = client.open("/test.Echo/Wait");
  stream.write(frame(put));
  const other = new GrpcClient(port);
  void other.call("/test.Echo/Wait", put);
  // Both handlers are at work before anybody leaves.
  await until(() => waiting.received === received + 2);
  stream.close(constants.NGHTTP2_CANCEL);
  other.close();
  await until(() => server.cancelled === before + 2);
});

test("HTTP/1.1 shares the port, in one piece or byte by byte", async () => {
  const response = await fetch(`http://127.0.0.1:${port}/here`);
  assert.deepEqual([response.status, await response.text()], [200, "GET "]);
  assert.equal(response.headers.get("access-control-allow-origin"), null);
  const missing = await fetch(`http://127.0.0.1:${port}/nowhere`);
  assert.deepEqual([missing.status, await missing.text()], [404, "404 page not found\n"]);
  const preflight = await fetch(`http://127.0.0.1:${port}/here`, { method: "OPTIONS" });
  assert.deepEqual([preflight.status, await preflight.text()], [200, ""]);

  // "PROPFIND" begins like HTTP/2's preface for two bytes more than any other method.
  for (const method of ["GET", "PROPFIND", "PUT"]) {
    const socket = connect(port, "127.0.0.1");
    for (const char of `${method} /here HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`) {
      socket.write(char);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.match(await readAll(socket), new RegExp(`^HTTP/1.1 200 OK[^]*${method} $`));
  }
});

test("a body beyond the limit is refused", async () => {
  const body = Buffer.alloc(9 * 1024 * 1024);
  const response = await fetch(`http://127.0.0.1:${port}/here`, { method: "POST", body });
  assert.equal(response.status, 413);
});

test("cleartext HTTP/2 that is not gRPC is served the HTTP routes", async () => {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  for (const [path, expected] of [
    ["/here", [200, "GET "]],
    ["/nowhere", [404, "404 page not found\n"]],
  ] as const) {
    const stream = session.request({ ":path": path });
    let status: number | undefined;
    stream.on("response", (headers) => {
      status = headers[":status"];
    });
    let text = "";
    for await (const chunk of stream) text += chunk;
    assert.deepEqual([status, text], expected);
  }
  session.destroy();
});

test("garbage of any kind closes its own connection and nothing else", async () => {
  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const settings = Buffer.from("000000040000000000", "hex");
  const bad = [
    randomBytes(4000),
    Buffer.from("\0\0\0\0"),
    Buffer.from("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
    Buffer.concat([preface, randomBytes(2000)]),
    Buffer.concat([preface, settings, Buffer.from("ffffff000000000001", "hex")]),
    // DATA on a stream that was never opened, HEADERS on stream 0, a CONTINUATION out of place.
    Buffer.concat([preface, settings, Buffer.from("000001000000000001ff", "hex")]),
    Buffer.concat([preface, settings, Buffer.from("00000101050000000082", "hex")]),
    Buffer.concat([preface, settings, Buffer.from("00000109040000000182", "hex")]),
    // A header block that is no HPACK, a window of zero bytes.
    Buffer.concat([preface, settings, Buffer.from("000003010500000001ffffff", "hex")]),
    Buffer.concat([preface, settings, Buffer.from("00000408000000000000000000", "hex")]),
    Buffer.from("GET / HTTP/1.1\r\nbad header\r\n\r\n"),
    Buffer.from(`GET /${"a".repeat(20_000)} HTTP/1.1\r\n\r\n`),
  ];
  for (const bytes of bad) {
    const socket = connect(port, "127.0.0.1");
    socket.end(bytes);
    await readAll(socket);
  }
  assert.equal((await client.call("/test.Echo/Echo", put)).status, 0);
});

test("oversized headers are refused and the connection or the stream ends", async () => {
  const other = new GrpcClient(port);
  const huge = { "x-huge": "a".repeat(100_000) };
  const answer = await other.call("/test.Echo/Echo", put, huge);
  assert.equal(answer.status, -1);
  other.close();
  assert.equal((await client.call("/test.Echo/Echo", put)).status, 0);
});

test("a flood of resets ends its connection", async () => {
  const other = new GrpcClient(port);
  let open = true;
  other.session.on("close", () => {
    open = false;
  });
  for (let round = 0; open && round < 200; round++) {
    for (let i = 0; i < 100 && open; i++) {
      other.open("/test.Echo/Wait").close(constants.NGHTTP2_CANCEL);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.equal(open, false);
  assert.equal((await client.call("/test.Echo/Echo", put)).status, 0);
});

test("a flood of pings ends its connection", async () => {
  const other = new GrpcClient(port);
  const closed = new Promise((resolve) => other.session.on("close", resolve));
  await new Promise((resolve) => other.session.once("connect", resolve));
  const ping = () => {
    if (!other.session.destroyed) other.session.ping(ping);
  };
  ping();
  await closed;
  assert.equal((await client.call("/test.Echo/Echo", put)).status, 0);
});

test("streams beyond the limit wait for their turn once the client knows it", async (t) => {
  const small = await startEcho({
    limits: { messageBytesMax: 1000, concurrentStreamsMax: 4, connectionsMax: 10 },
  });
  const other = new GrpcClient(small.address.port);
  t.after(() => small.close(0));
  t.after(() => other.close());
  await new Promise((resolve) => other.session.once("remoteSettings", resolve));
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => other.call("/test.Echo/Echo", put)),
  );
  assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([0]));
});

test("a connection that says nothing is closed; one that says a little too", async (t) => {
  const impatient = await startEcho({ silenceMs: 50 });
  t.after(() => impatient.close(0));
  for (const first of ["", "PR"]) {
    const socket = connect(impatient.address.port, "127.0.0.1");
    socket.write(first);
    assert.equal(await readAll(socket), "");
  }
  assert.equal(impatient.counters.connectionsAborted, 2);
});

test("a reader that takes nothing is told to drain, and its backlog has an end", async (t) => {
  const other = new GrpcClient(port);
  t.after(() => other.close());
  const stream = other.open("/test.Echo/Flood");
  stream.end(frame(put));
  stream.pause();
  await until(() => server.open.length === 1);
  const call = server.open.pop()!;
  const message = { ...PutRequest.decode(put), value: Buffer.alloc(1 << 20) };
  const flood = [...server.counters.methods.values()].find((one) => one.method === "Flood")!;
  let mebibytesBeforeDrain = 0;
  while (call.send(message)) mebibytesBeforeDrain++;
  assert.ok(mebibytesBeforeDrain <= 1);
  const sent = flood.sent;
  while (flood.handled[8] === 0 && flood.sent < 1000) call.send(message);
  assert.equal(flood.handled[8], 1);
  assert.ok(flood.sent - sent <= 64, `${flood.sent - sent}`);
  stream.resume();
  assert.equal((await client.call("/test.Echo/Echo", put)).status, 0);
});

test("a connection whose reader has stopped for good is cut off", async (t) => {
  const strict = await startEcho({ stallMs: 100 });
  t.after(() => strict.close(0));
  const other = new GrpcClient(strict.address.port, { windowBytes: 65_535 });
  t.after(() => other.close());
  const idle = new GrpcClient(strict.address.port);
  t.after(() => idle.close());
  const waiting = idle.call("/test.Echo/Flood", put);
  const stream = other.open("/test.Echo/Repeat");
  stream.pause();
  stream.end(frame(PutRequest.encode({ value: Buffer.alloc(2_000_000) })));
  const unread = other.open("/test.Echo/Echo");
  unread.pause();
  unread.end(frame(PutRequest.encode({ value: Buffer.alloc(2_000_000) })));
  const closed = new Promise((resolve) => other.session.on("close", resolve));
  await until(() => strict.events.includes("clientAborted"));
  await closed;
  assert.equal(strict.counters.connectionsAborted, 1);
  // Silence alone is no fault: a stream on which there is nothing to say stays.
  assert.equal(strict.open[0]!.cancelled, false);
  idle.close();
  await waiting;
});

test("a connection may leave only so much in requests that it never completes", async (t) => {
  const memory = new MemoryBudget(limitsOf(64 << 20));
  const strict = await startEcho({ memory });
  t.after(() => strict.close(0));
  const other = new GrpcClient(strict.address.port);
  t.after(() => other.close());
  const part = frame(Buffer.alloc(2_000_000)).subarray(0, 1_900_000);
  const answers: unknown[] = [];
  for (let i = 0; i < 40; i++) {
    const stream = other.open("/test.Echo/Echo");
    stream.on("response", (headers) => answers.push(headers["grpc-status"]));
    // Unread, node:http2 would never say that it is closed.
    stream.resume();
    await new Promise((resolve) => {
      // Where there is no room for another stream at all.
      stream.on("close", () => {
        if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) answers.push("8");
        resolve(undefined);
      });
      stream.write(part, resolve);
    });
  }
  await until(() => answers.length > 0);
  assert.deepEqual(new Set(answers), new Set(["8"]));
  assert.ok(memory.usedBytes > 30 << 20 && memory.usedBytes <= 32 << 20, `${memory.usedBytes}`);
  other.close();
  await until(() => memory.usedBytes === 0);
});

test("what waits to be served is charged with what it brought, until it is answered", async (t) => {
  const memory = new MemoryBudget(limitsOf(8 << 20));
  const own = await startEcho({ memory });
  t.after(() => own.close(0));
  const caller = new GrpcClient(own.address.port);
  t.after(() => caller.close());
  const idle = memory.usedBytes;
  const value = Buffer.alloc(1 << 20);
  const waiting: ReturnType<typeof caller.call>[] = [];
  // One after the other, so that none is charged for while it arrives.
  for (let i = 0; i < 5; i++) {
    const request = PutRequest.encode({ value });
    waiting.push(caller.call("/test.Echo/Wait", request, { "grpc-timeout": "1S" }));
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  const statuses = (await Promise.all(waiting)).map(({ status }) => status);
  // A connection may have half of it: some wait until their time is over, and there is no room for the others.
  assert.deepEqual(new Set(statuses), new Set([4, 8]));
  while (memory.usedBytes > idle + (1 << 16)) await new Promise(setImmediate);
});

test("closing lets calls under way finish, ends streams with a status, then cuts", async () => {
  const closing = await startEcho();
  const other = new GrpcClient(closing.address.port);
  const flood = other.call("/test.Echo/Flood", put);
  void other.call("/test.Echo/Wait", put);
  await until(() => closing.open.length === 1);
  const started = Date.now();
  await closing.close(200);
  assert.ok(Date.now() - started < 2000);
  const { status, message } = await flood;
  assert.deepEqual([status, message], [14, "etcdserver: server stopped"]);
  assert.equal(closing.counters.connectionsOpen, 0);
  await assert.rejects(fetch(`http://127.0.0.1:${closing.address.port}/here`));
});

test("an idle connection does not hold up closing", async () => {
  const closing = await startEcho();
  const other = new GrpcClient(closing.address.port);
  await other.call("/test.Echo/Echo", put);
  await fetch(`http://127.0.0.1:${closing.address.port}/here`);
  const started = Date.now();
  await closing.close(4000);
  assert.ok(Date.now() - started < 3000);
});

function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
  });
}
