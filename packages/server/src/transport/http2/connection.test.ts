// What a connection does over time: its hello, windows that are small or move, pings both ways, leaving, and
// clients that do not read.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import { etcdCodecs } from "@althing/wire";
import { limitsOf, MemoryBudget } from "../budget.ts";
import type { ListenOptions } from "../listen.ts";
import { type EchoServer, startEcho } from "../testing/echo-service.ts";
import { hello, RawClient, rawFrame, requestBlock, settings } from "../testing/raw-http2.ts";
import { errorCode } from "./codes.ts";
import { Connection } from "./connection.ts";
import { encodeBlock } from "./hpack/encoder.ts";

const [DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW] = [0, 1, 3, 4, 6, 7, 8] as const;
const END_STREAM = 1;
const ACK = 1;

const message = frameMessage(etcdCodecs.PutRequest.encode({ key: Buffer.from("k") }));

function frameMessage(bytes: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

function call(id: number, method = "Echo", body: Uint8Array = message): Buffer {
  const headers = rawFrame(HEADERS, 4, id, requestBlock(`/test.Echo/${method}`));
  return Buffer.concat([headers, rawFrame(DATA, END_STREAM, id, body)]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const initialWindow = (size: number) =>
  rawFrame(SETTINGS, 0, 0, Buffer.concat([Buffer.from("0004", "hex"), word(size)]));
const ping = (text: string, flags = 0) => rawFrame(PING, flags, 0, Buffer.from(text));

async function serve(
  t: TestContext,
  options: Partial<ListenOptions> = {},
): Promise<{ server: EchoServer; client: RawClient }> {
  const server = await startEcho(options);
  const client = new RawClient(server.address.port);
  t.after(() => {
    client.close();
    return server.close(0);
  });
  return { server, client };
}

const ended = (client: RawClient, id: number) => () =>
  client.frames.some((one) => one.streamId === id && one.type === HEADERS && (one.flags & 1) !== 0);
const dataOf = (client: RawClient, id: number) =>
  client.frames.filter((one) => one.type === DATA && one.streamId === id);
const sizesOf = (client: RawClient, id: number) => dataOf(client, id).map((f) => f.payload.length);

test("the server says its SETTINGS first, acknowledges the client's, and answers a ping as it is", async (t) => {
  const { client } = await serve(t);
  client.write(hello, settings, ping("abcdefgh"));
  await client.until(() => client.find(PING) !== undefined);
  const seen = client.frames.map((one) => [one.type, one.flags, one.payload.toString("latin1")]);
  assert.deepEqual(seen[0]!.slice(0, 2), [SETTINGS, 0]);
  assert.deepEqual(seen.slice(2), [
    [SETTINGS, ACK, ""],
    [PING, ACK, "abcdefgh"],
  ]);
  assert.deepEqual([client.frames[1]!.type, client.frames[1]!.streamId], [WINDOW, 0]);
});

test("a client must open with SETTINGS", async (t) => {
  const { client } = await serve(t);
  client.write(hello, ping("abcdefgh"));
  await client.closed();
  assert.equal(client.find(GOAWAY)?.payload.readUInt32BE(4), errorCode.protocolError);
});

test("a client that stops within its hello is closed", async (t) => {
  const { client, server } = await serve(t, { silenceMs: 50 });
  client.write(hello);
  await client.closed();
  assert.equal(server.counters.connectionsAborted, 1);
});

test("an answer never exceeds a window, however small, and goes on when it widens", async (t) => {
  const { client } = await serve(t);
  client.write(hello, initialWindow(3), call(1));
  await client.until(() => dataOf(client, 1).length === 1);
  // The windows of streams that are open move with the setting, and one below zero has to be filled up first.
  client.write(
    initialWindow(0),
    rawFrame(WINDOW, 0, 1, word(4)),
    initialWindow(1),
    ping("12345678"),
  );
  await client.until(() => client.find(PING) !== undefined);
  assert.deepEqual(sizesOf(client, 1), [3, 2]);
  client.write(initialWindow(100));
  await client.until(ended(client, 1));
  assert.deepEqual(Buffer.concat(dataOf(client, 1).map((one) => one.payload)), message);
});

test("streams that wait for the connection's window take turns", async (t) => {
  const { client } = await serve(t);
  const large = frameMessage(etcdCodecs.PutRequest.encode({ value: Buffer.alloc(60_000) }));
  const parts: Buffer[] = [];
  for (const id of [1, 3, 5]) {
    parts.push(rawFrame(HEADERS, 4, id, requestBlock("/test.Echo/Echo")));
    for (let at = 0; at < large.length; at += 16_384) {
      const isLast = at + 16_384 >= large.length;
      parts.push(rawFrame(DATA, isLast ? END_STREAM : 0, id, large.subarray(at, at + 16_384)));
    }
  }
  client.write(hello, settings, ...parts);
  const sum = () => [1, 3, 5].flatMap((id) => sizesOf(client, id)).reduce((a, b) => a + b, 0);
  await client.until(() => sum() === 65_535);
  client.write(rawFrame(WINDOW, 0, 0, word(3 * 16_384)));
  await client.until(() => sum() === 65_535 + 3 * 16_384);
  const late = client.frames.filter((one) => one.type === DATA).slice(-4);
  assert.ok(new Set(late.map((one) => one.streamId)).size >= 2);
  client.write(rawFrame(WINDOW, 0, 0, word(1_000_000)));
  await client.until(() => [1, 3, 5].every((id) => ended(client, id)()));
  for (const id of [1, 3, 5]) {
    assert.deepEqual(Buffer.concat(dataOf(client, id).map((one) => one.payload)), large);
  }
});

test("an upload is credited as it comes, to its stream and to the connection", async (t) => {
  const { client } = await serve(t);
  const large = frameMessage(etcdCodecs.PutRequest.encode({ value: Buffer.alloc(1_900_000) }));
  const parts = [rawFrame(HEADERS, 4, 1, requestBlock("/test.Echo/Wait"))];
  for (let at = 0; at < large.length; at += 16_384) {
    parts.push(rawFrame(DATA, 0, 1, large.subarray(at, at + 16_384)));
  }
  client.write(hello, settings, ...parts, ping("12345678"));
  await client.until(() => client.find(PING) !== undefined);
  const credited = (id: number) =>
    client.frames
      .filter((one) => one.type === WINDOW && one.streamId === id)
      .reduce((sum, one) => sum + one.payload.readUInt32BE(0), 0);
  const half = 512 * 1024;
  assert.ok(credited(1) > large.length - half && credited(1) <= large.length, `${credited(1)}`);
  assert.equal(credited(0), 4 * 1024 * 1024 - 65_535);
});

test("more streams than allowed are refused, and may be tried again", async (t) => {
  const limits = { messageBytesMax: 1000, concurrentStreamsMax: 2, connectionsMax: 10 };
  const { client } = await serve(t, { limits });
  client.write(hello, settings, call(1, "Wait"), call(3, "Wait"), call(5));
  await client.until(() => client.find(RST, 5) !== undefined);
  assert.equal(client.find(RST, 5)!.payload.readUInt32BE(0), errorCode.refusedStream);
  client.write(rawFrame(RST, 0, 1, word(8)), call(7));
  await client.until(ended(client, 7));
});

test("an answer before the request's end is followed by RST_STREAM without a fault", async (t) => {
  const { client } = await serve(t);
  const headers = rawFrame(HEADERS, 4, 1, requestBlock("/test.Echo/Echo"));
  client.write(hello, settings, headers, rawFrame(DATA, 0, 1, message));
  await client.until(() => client.find(RST, 1) !== undefined);
  assert.equal(client.find(RST, 1)!.payload.readUInt32BE(0), errorCode.noError);
  // What was on its way is ignored.
  const trailers = rawFrame(HEADERS, 5, 1, encodeBlock(["x-checksum", "1"]));
  client.write(rawFrame(DATA, 0, 1, message), trailers, rawFrame(DATA, END_STREAM, 1), call(3));
  await client.until(ended(client, 3));
  assert.equal(client.frames.filter((one) => one.type === RST).length, 1);
});

test("pings are forgiven by answers, and tolerated at the agreed pace", async (t) => {
  const { client } = await serve(t, {
    keepalive: { minTimeMs: 0, intervalMs: 1e9, timeoutMs: 1e9 },
  });
  client.write(hello, settings);
  for (let id = 1; id < 41; id += 2) {
    client.write(call(id), ping("12345678"));
    await client.until(() => client.frames.filter((one) => one.type === PING).length > id / 2);
  }
  client.write(call(41, "Wait"));
  for (let i = 0; i < 20; i++) client.write(ping("12345678"));
  await client.until(() => client.frames.filter((one) => one.type === PING).length === 40);
  assert.equal(client.find(GOAWAY), undefined);
});

test("pings that come too often end the connection in gRPC's words", async (t) => {
  const { client } = await serve(t);
  client.write(hello, settings, call(1, "Wait"));
  for (let i = 0; i < 4; i++) client.write(ping("12345678"));
  await client.until(() => client.find(GOAWAY) !== undefined);
  const { payload } = client.find(GOAWAY)!;
  assert.equal(payload.readUInt32BE(4), errorCode.enhanceYourCalm);
  assert.equal(payload.toString("latin1", 8), "too_many_pings");
});

test("calls that waited for long may all be given up at once", async (t) => {
  const limits = { messageBytesMax: 1000, concurrentStreamsMax: 5000, connectionsMax: 10 };
  const { client, server } = await serve(t, { limits });
  const ids = Array.from({ length: 3000 }, (_, i) => 2 * i + 1);
  client.write(hello, settings, ...ids.map((id) => call(id, "Wait")));
  // So long a wait is what tells them from resets that are meant to harm.
  await new Promise((resolve) => setTimeout(resolve, 700));
  client.write(...ids.map((id) => rawFrame(RST, 0, id, word(8))), call(9999));
  await client.until(ended(client, 9999));
  assert.deepEqual([server.cancelled, client.find(GOAWAY)], [3000, undefined]);
});

test("a silent client is asked for a sign of life, and cut off if it gives none", async (t) => {
  const keepalive = { minTimeMs: 0, intervalMs: 60, timeoutMs: 60 };
  const { client, server } = await serve(t, { keepalive });
  client.write(hello, settings);
  await client.until(() => client.find(PING) !== undefined);
  client.write(ping("\0\0\0\0\0\0\0\0", ACK));
  await client.until(() => client.frames.filter((one) => one.type === PING).length === 2);
  assert.equal(server.counters.connectionsAborted, 0);
  await client.closed();
  assert.equal(server.counters.connectionsAborted, 1);
  assert.equal(client.find(GOAWAY), undefined);
});

test("a server that leaves names the last stream, ignores later ones and finishes those under way", async (t) => {
  const server = await startEcho();
  const client = new RawClient(server.address.port);
  t.after(() => client.close());
  client.write(hello, settings, call(1, "Flood"), call(3, "Wait"));
  await client.until(() => client.find(SETTINGS) !== undefined);
  while (server.open.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const closed = server.close(300);
  await client.until(() => client.find(GOAWAY) !== undefined);
  client.write(call(5));
  const { payload } = client.find(GOAWAY)!;
  assert.deepEqual([payload.readUInt32BE(0), payload.readUInt32BE(4)], [3, errorCode.noError]);
  await closed;
  const answered = client.frames.filter((one) => one.type === HEADERS).map((one) => one.streamId);
  assert.deepEqual(answered, [1]);
});

test("who does not read is not listened to, and again when it reads", async () => {
  const unread: (() => void)[] = [];
  const socket = new Duplex({
    read() {},
    write: (_chunk, _encoding, done) => void unread.push(done),
  });
  // Answers of one frame are subject to no window: only not listening bounds them.
  const answer = encodeBlock([":status", "200", "x", "y".repeat(1000)]);
  const connection = new Connection(
    socket as Socket,
    new MemoryBudget(limitsOf(1e9)).open("", () => {}),
    {
      concurrentStreamsMax: 10,
      keepalive: { minTimeMs: 0, intervalMs: 1e9, timeoutMs: 1e9 },
      silenceMs: 1e9,
      stallMs: 1e9,
      requestMs: 1e9,
    },
    {
      request: (stream) => stream.begin(answer, true),
      refused: (reason) => assert.fail(reason),
      aborted: (reason) => assert.fail(reason),
      failed: (error) => assert.fail(String(error)),
      closed: () => {},
    },
  );
  connection.receive(Buffer.concat([hello, settings]));
  const block = requestBlock("/test.Echo/Echo");
  let calls = 0;
  for (; !socket.isPaused() && calls < 10_000; calls++) {
    connection.receive(rawFrame(HEADERS, 5, 2 * calls + 1, block));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(socket.isPaused(), true);
  assert.ok(connection.output.backlogBytes <= 1024 * 1024 + 2 * answer.length);
  while (connection.output.backlogBytes > 0) {
    unread.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(socket.isPaused(), false);
  socket.destroy();
});
