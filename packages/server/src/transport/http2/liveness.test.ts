// Clients that are there and do not go on: they leave answers where they are, whatever else they say, or begin
// requests that they never finish. Times are short; what is to happen is waited for, what is not to happen
// is asked for at the end.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { etcdCodecs } from "@althing/wire";
import type { ListenOptions } from "../listen.ts";
import { type EchoServer, startEcho } from "../testing/echo-service.ts";
import { hello, RawClient, rawFrame, requestBlock, settings } from "../testing/raw-http2.ts";
import { errorCode } from "./codes.ts";
import { encodeBlock } from "./hpack/encoder.ts";

const [DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW] = [0, 1, 3, 4, 6, 7, 8] as const;
const END_STREAM = 1;
const END_HEADERS = 4;
const deadlineExceeded = "4";

const patient = { keepalive: { minTimeMs: 0, intervalMs: 1e9, timeoutMs: 1e9 } };

async function serve(
  t: TestContext,
  options: Partial<ListenOptions>,
): Promise<{ server: EchoServer; client: RawClient }> {
  const server = await startEcho({ ...patient, ...options });
  const client = new RawClient(server.address.port);
  t.after(() => {
    client.close();
    return server.close(0);
  });
  client.write(hello, settings);
  return { server, client };
}

function message(bytes: number): Buffer {
  const body = etcdCodecs.PutRequest.encode({ value: Buffer.alloc(bytes) });
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

const word = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const window = (size: number) =>
  rawFrame(SETTINGS, 0, 0, Buffer.concat([Buffer.from("0004", "hex"), word(size)]));
const ping = rawFrame(PING, 0, 0, Buffer.from("12345678"));
const open = (id: number, method: string) =>
  rawFrame(HEADERS, END_HEADERS, id, requestBlock(`/test.Echo/${method}`));
const call = (id: number, method: string, body: Buffer) =>
  Buffer.concat([open(id, method), rawFrame(DATA, END_STREAM, id, body)]);
const ended = (client: RawClient, id: number) => () =>
  client.frames.some((one) => one.streamId === id && one.type === HEADERS && (one.flags & 1) !== 0);

/** Says the same again and again until the connection is gone. */
function keepSaying(t: TestContext, client: RawClient, parts: () => Uint8Array[]): void {
  const timer = setInterval(() => {
    if (!client.isClosed) client.write(...parts());
  }, 10);
  t.after(() => clearInterval(timer));
}

test("a reader whose window is closed is cut off, although it answers and asks for signs of life", async (t) => {
  const { server, client } = await serve(t, { stallMs: 150 });
  client.write(window(0), call(1, "Echo", message(1000)));
  keepSaying(t, client, () => [ping]);
  await client.closed();
  assert.ok(client.frames.filter((one) => one.type === PING).length > 5);
  assert.deepEqual([server.counters.connectionsAborted, server.events], [1, ["clientAborted"]]);
});

test("of several streams the one that is not read is ended, and the others go on", async (t) => {
  const { server, client } = await serve(t, { stallMs: 200 });
  client.write(window(0), call(3, "Echo", message(2000)));
  let id = 5;
  keepSaying(t, client, () => {
    id += 2;
    return [call(id, "Echo", message(1)), rawFrame(WINDOW, 0, id, word(100))];
  });
  await client.until(() => client.find(RST, 3) !== undefined);
  assert.equal(client.find(RST, 3)!.payload.readUInt32BE(0), errorCode.enhanceYourCalm);
  assert.deepEqual([ended(client, 7)(), client.isClosed], [true, false]);
  assert.equal(server.counters.refused.readerStalled, 1);
});

test("a reader that takes a byte now and then has stopped; one that takes more goes on", async (t) => {
  const { client } = await serve(t, { stallMs: 150 });
  client.write(window(0), call(1, "Echo", message(16_000)), call(3, "Echo", message(16_000)));
  keepSaying(t, client, () => [
    rawFrame(WINDOW, 0, 1, word(1)),
    rawFrame(WINDOW, 0, 3, word(1000)),
  ]);
  await client.until(() => client.find(RST) !== undefined);
  assert.deepEqual([client.find(RST)!.streamId, client.isClosed], [1, false]);
  await client.until(ended(client, 3));
});

test("a request that does not arrive is refused in time; a stream may stay open as it is", async (t) => {
  const { server, client } = await serve(t, { requestMs: 150 });
  const half = message(1000).subarray(0, 500);
  const post = (path: string) =>
    encodeBlock([":method", "POST", ":scheme", "http", ":path", path, ":authority", "localhost"]);
  const block = (...fields: string[]) => Buffer.from(encodeBlock(fields));
  client.write(
    open(1, "Echo"),
    Buffer.concat([open(3, "Echo"), rawFrame(DATA, 0, 3, half)]),
    open(5, "Repeat"),
    open(7, "Talk"),
    Buffer.concat([open(9, "Talk"), rawFrame(DATA, 0, 9, half)]),
    rawFrame(HEADERS, END_HEADERS, 11, post("/here")),
    rawFrame(HEADERS, END_HEADERS, 13, post("/echo")),
    Buffer.concat([open(15, "Talk"), rawFrame(DATA, 0, 15, message(5))]),
    // Said in full; that the answer takes its time is no fault of the client.
    call(17, "Wait", message(5)),
  );
  const late = [1, 3, 5, 9, 11, 13];
  await client.until(() => late.every((id) => ended(client, id)()));
  const status = block("grpc-status", deadlineExceeded);
  const of = (id: number) => client.frames.find((one) => one.streamId === id)!;
  for (const id of [1, 3, 5, 9]) assert.ok(of(id).payload.includes(status), `stream ${id}`);
  const requestTimeout = block(":status", "408");
  for (const id of [11, 13]) assert.ok(of(id).payload.includes(requestTimeout), `stream ${id}`);
  assert.equal(server.counters.refused.requestUnfinished, late.length);
  // The stream that was opened without a word takes one now, and the other one another.
  client.write(rawFrame(DATA, 0, 7, message(5)), rawFrame(DATA, END_STREAM, 15, message(5)));
  await client.until(() => client.frames.some((one) => one.streamId === 7 && one.type === DATA));
  await client.until(ended(client, 15));
  assert.deepEqual([ended(client, 7)(), ended(client, 17)()], [false, false]);
});

test("a header block that does not end, and a frame that does not, end their connections", async (t) => {
  const block = requestBlock("/test.Echo/Echo");
  for (const part of [rawFrame(HEADERS, 0, 1, block), open(1, "Echo").subarray(0, 20)]) {
    const { server, client } = await serve(t, { requestMs: 150 });
    const quiet = new RawClient(server.address.port);
    t.after(() => quiet.close());
    quiet.write(hello, settings, open(1, "Talk"));
    client.write(part);
    await client.closed();
    assert.deepEqual([server.events, quiet.isClosed], [["clientAborted"], false]);
  }
});

test("a frame of SETTINGS costs the same however many streams there are", async (t) => {
  const limits = { messageBytesMax: 1000, concurrentStreamsMax: 10_000, connectionsMax: 10 };
  const { client } = await serve(t, { limits });
  const waiting = Array.from({ length: 10_000 }, (_, i) => call(2 * i + 1, "Wait", message(5)));
  client.write(window(0), ...waiting, ping);
  await client.until(() => client.find(PING) !== undefined);
  const entries = Array.from({ length: 2730 }, (_, i) =>
    Buffer.concat([Buffer.from("0004", "hex"), word(i % 2)]),
  );
  const started = performance.now();
  for (let i = 0; i < 10; i++) client.write(rawFrame(SETTINGS, 0, 0, Buffer.concat(entries)));
  client.write(ping);
  await client.until(() => client.frames.filter((one) => one.type === PING).length === 2);
  const ms = performance.now() - started;
  // Each entry over each stream would take seconds.
  assert.ok(ms < 500, `${ms} ms`);
  assert.equal(client.find(GOAWAY), undefined);
});

test("a window that was wide once and is gone does not stand in the way of a wider initial one", async (t) => {
  const { client } = await serve(t, {});
  client.write(
    call(1, "Wait", message(5)),
    rawFrame(WINDOW, 0, 1, word(2 ** 30)),
    rawFrame(RST, 0, 1, word(8)),
    call(3, "Wait", message(5)),
    window(2 ** 31 - 1),
    ping,
  );
  await client.until(() => client.find(PING) !== undefined);
  assert.equal(client.find(GOAWAY), undefined);
  client.write(rawFrame(WINDOW, 0, 3, word(1)));
  await client.until(() => client.find(RST, 3) !== undefined);
  assert.equal(client.find(RST, 3)!.payload.readUInt32BE(0), errorCode.flowControlError);
});
