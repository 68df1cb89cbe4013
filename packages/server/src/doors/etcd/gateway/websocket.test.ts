import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, test } from "node:test";
import { WebSocket } from "ws";
import { until } from "../testing/in-process-cluster.ts";
import { EtcdClient, serveDoor } from "../testing/served-door.ts";

const served = await serveDoor();
const client = new EtcdClient(served.port);
after(async () => {
  client.close();
  await served.close();
});
const base64 = (text: string) => Buffer.from(text).toString("base64");

interface Talk {
  readonly socket: WebSocket;
  readonly messages: Record<string, unknown>[];
  /** As it came. */
  readonly raw: Buffer[];
  readonly closed: Promise<number>;
}

async function talk(path: string, protocols: string[] = []): Promise<Talk> {
  const socket = new WebSocket(`ws://127.0.0.1:${served.port}${path}`, protocols);
  const messages: Record<string, unknown>[] = [];
  const raw: Buffer[] = [];
  socket.on("upgrade", ({ socket: carrier }) => {
    carrier.prependListener("data", (chunk: Buffer) => raw.push(Buffer.from(chunk)));
  });
  socket.on("message", (data) => messages.push(JSON.parse(String(data))));
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  return { socket, messages, raw, closed };
}

test("a watch over WebSocket: a message for each request, a message for each answer", async () => {
  const { socket, messages } = await talk("/v3/watch");
  const create = JSON.stringify({ create_request: { key: base64("a") } });
  socket.send(create);
  socket.send(create.slice(0, 9));
  socket.send(create.slice(9));
  await until(() => messages.length === 2);
  await client.put({ key: Buffer.from("a"), value: Buffer.from("1") });
  await until(() => messages.length === 4);
  const results = messages.map((one) => one["result"] as Record<string, unknown>);
  assert.deepEqual(
    results.map(({ watch_id, created, events }) => [watch_id, created, (events as [])?.length]),
    [
      [undefined, true, undefined],
      ["1", true, undefined],
      [undefined, undefined, 1],
      ["1", undefined, 1],
    ],
  );
  socket.close();
  await until(() => served.door.counters.watch.watchers === 0);
});

test("a unary call over WebSocket is answered and closed, well or refused", async () => {
  for (const [request, answer] of [
    ['{"key":"YQ=="}', { count: "1" }],
    ["{}", { code: 3, message: "etcdserver: key is not provided" }],
    ["garbage{}", { code: 3 }],
  ] as const) {
    const { socket, messages, closed } = await talk("/v3/kv/range");
    socket.send(request);
    assert.equal(await closed, 1000);
    assert.equal(messages.length, 1);
    assert.partialDeepStrictEqual(messages[0], answer);
  }
});

test("a revision of many events is one message, sent in the parts in which it was made", async () => {
  const { socket, messages, raw } = await talk("/v3/watch");
  socket.send(JSON.stringify({ create_request: { key: base64("m"), range_end: base64("n") } }));
  await until(() => messages.length === 1);
  const count = 1800;
  for (let i = 0; i < count; i++) await client.put({ key: Buffer.from(`m${i}`) });
  await until(() => messages.length > 1 && eventsOf(messages).length === count);
  const told = messages.length;
  raw.splice(0);
  await client.deleteRange({ key: Buffer.from("m"), range_end: Buffer.from("n") });
  await until(() => messages.length > told);
  assert.equal(messages.length, told + 1);
  const events = eventsOf(messages.slice(told));
  assert.deepEqual(new Set(events.map(({ type }) => type)), new Set(["DELETE"]));
  assert.equal(events.length, count);
  const frames = framesOf(Buffer.concat(raw));
  assert.ok(frames.length > 4, `${frames.length} frames`);
  assert.deepEqual(
    frames.map(({ isLast }) => isLast),
    frames.map((_, i) => i === frames.length - 1),
  );
  const all = frames.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { bytes } of frames) assert.ok(bytes < all / 2, `${bytes} of ${all} bytes at once`);
  socket.terminate();
});

/** What a server sends is not masked. */
function framesOf(raw: Buffer): { readonly isLast: boolean; readonly bytes: number }[] {
  const frames: { isLast: boolean; bytes: number }[] = [];
  for (let at = 0; at < raw.length; ) {
    const short = raw[at + 1]!;
    const bytes =
      short < 126 ? short : short === 126 ? raw.readUInt16BE(at + 2) : raw.readUInt32BE(at + 6);
    frames.push({ isLast: (raw[at]! & 0x80) !== 0, bytes });
    at += (short < 126 ? 2 : short === 126 ? 4 : 10) + bytes;
  }
  return frames;
}

function eventsOf(messages: readonly Record<string, unknown>[]): { readonly type?: string }[] {
  return messages.flatMap(({ result }) => (result as { events?: [] }).events ?? []);
}

test("the protocol Bearer is accepted, and with it a token", async () => {
  const { socket } = await talk("/v3/watch", ["Bearer", "some.token"]);
  assert.equal(socket.protocol, "Bearer");
  socket.terminate();
});

test("who offers another protocol, or asks at a place without streams, is served as it is", async () => {
  for (const [path, upgrade, status] of [
    ["/health", "websocket", 200],
    ["/v3/kv/range", "h2c", 405],
    ["/nowhere", "websocket", 404],
  ] as const) {
    const socket = connect(served.port, "127.0.0.1");
    const head = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: ${upgrade}\r\n`;
    socket.write(`${head}Sec-WebSocket-Version: 13\r\n\r\n`);
    let text = "";
    for await (const chunk of socket) text += chunk;
    assert.match(text, new RegExp(`^HTTP/1.1 ${status} `), path);
  }
});

test("a message beyond the limit, or one that breaks the protocol, costs its own connection alone", async () => {
  const large = await talk("/v3/watch");
  large.socket.on("error", () => {});
  large.socket.send("x".repeat(9 * 1024 * 1024));
  assert.notEqual(await large.closed, 1000);
  const broken = connect(served.port, "127.0.0.1");
  const key = Buffer.alloc(16).toString("base64");
  broken.write(
    `GET /v3/watch HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  await new Promise((done) => broken.once("data", done));
  broken.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
  await new Promise((done) => broken.on("error", done).on("close", done).resume());
  const health = await fetch(`http://127.0.0.1:${served.port}/health`);
  assert.equal(health.status, 200);
});
