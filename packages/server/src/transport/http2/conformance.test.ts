// RFC 9113, frame by frame: sequences that a client must not send, each with the fault that they are answered
// with, and sequences that are strange and allowed. After each the connection is gone, or goes on to serve.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startEcho } from "../testing/echo-service.ts";
import { hello, RawClient, rawFrame, requestBlock, settings } from "../testing/raw-http2.ts";
import { errorCode } from "./codes.ts";
import { encodeBlock } from "./hpack/encoder.ts";

const [DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
] as const;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
const PADDED = 8;
const PRIORITIZED = 0x20;

const server = await startEcho();
const { port } = server.address;
after(() => server.close(0));

const echo = requestBlock("/test.Echo/Echo");
const wait = requestBlock("/test.Echo/Wait");
/** Key "k" as a gRPC message. */
const message = Buffer.from("00000000030a016b", "hex");
const open = (id: number, block: Uint8Array = echo) => rawFrame(HEADERS, END_HEADERS, id, block);
const closed = (id: number, block: Uint8Array = echo) =>
  rawFrame(HEADERS, END_HEADERS | END_STREAM, id, block);
const call = (id: number) => Buffer.concat([open(id), rawFrame(DATA, END_STREAM, id, message)]);
const withFields = (...extra: string[]) => requestBlock("/test.Echo/Echo", extra);
const setting = (name: number, value: number) => {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(name, 0);
  bytes.writeUInt32BE(value, 2);
  return bytes;
};
const word = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const without = (...names: string[]) => requestBlock("/test.Echo/Echo", [], names);
const repeat = (times: number, part: Uint8Array) =>
  Buffer.concat(Array.from({ length: times }, () => part));

type Case = readonly [rule: string, code: keyof typeof errorCode, ...parts: Uint8Array[]];

/** Sent after the preface and an empty SETTINGS, answered with GOAWAY. */
const connectionFaults: readonly Case[] = [
  ["4.2 a frame over the size limit", "frameSizeError", rawFrame(DATA, 0, 1, Buffer.alloc(16_385))],
  ["4.3 a damaged header block", "compressionError", open(1, Buffer.from("ff", "hex"))],
  ["4.3 damaged trailers", "compressionError", open(1, wait), closed(1, Buffer.from("ff", "hex"))],
  [
    "4.3 a block interrupted by another frame",
    "protocolError",
    rawFrame(HEADERS, 0, 1, echo),
    rawFrame(PING, 0, 0, Buffer.alloc(8)),
  ],
  [
    "4.3 a block interrupted by another stream's",
    "protocolError",
    rawFrame(HEADERS, 0, 1, echo),
    rawFrame(CONTINUATION, END_HEADERS, 3),
  ],
  [
    "5.5 a block interrupted by an unknown frame",
    "protocolError",
    rawFrame(HEADERS, 0, 1, echo),
    rawFrame(0x77, 0, 1),
  ],
  ["5.1 DATA on an idle stream", "protocolError", rawFrame(DATA, 0, 1, message)],
  ["5.1 RST_STREAM on an idle stream", "protocolError", rawFrame(RST, 0, 1, word(8))],
  ["5.1 WINDOW_UPDATE on an idle stream", "protocolError", rawFrame(WINDOW, 0, 1, word(1))],
  ["5.1 CONTINUATION on an idle stream", "protocolError", rawFrame(CONTINUATION, END_HEADERS, 1)],
  ["5.1 HEADERS on a stream that ended", "streamClosed", call(1), closed(1)],
  ["5.1.1 a stream of an even number", "protocolError", open(2)],
  ["5.1.1 a stream below the last one", "protocolError", open(5, wait), open(3, wait)],
  ["6.1 DATA of stream 0", "protocolError", rawFrame(DATA, 0, 0, message)],
  [
    "6.1 padding as long as its DATA",
    "protocolError",
    open(1, wait),
    rawFrame(DATA, PADDED, 1, Buffer.concat([Buffer.from([9]), message])),
  ],
  ["6.1 padded DATA without a length", "protocolError", open(1), rawFrame(DATA, PADDED, 1)],
  ["6.2 HEADERS of stream 0", "protocolError", open(0)],
  [
    "6.2 padding longer than its HEADERS",
    "protocolError",
    rawFrame(HEADERS, END_HEADERS | PADDED, 1, Buffer.concat([Buffer.from([255]), echo])),
  ],
  [
    "6.2 HEADERS without room for their priority",
    "frameSizeError",
    rawFrame(HEADERS, END_HEADERS | PRIORITIZED, 1, "0000"),
  ],
  ["6.3 PRIORITY of stream 0", "protocolError", rawFrame(PRIORITY, 0, 0, "0000000001")],
  ["6.3 PRIORITY of a wrong length", "frameSizeError", rawFrame(PRIORITY, 0, 1, "00000000")],
  ["6.4 RST_STREAM of stream 0", "protocolError", rawFrame(RST, 0, 0, word(8))],
  ["6.4 RST_STREAM of a wrong length", "frameSizeError", open(1), rawFrame(RST, 0, 1, "00")],
  ["6.5 SETTINGS of a stream", "protocolError", rawFrame(SETTINGS, 0, 1)],
  ["6.5 SETTINGS of an odd length", "frameSizeError", rawFrame(SETTINGS, 0, 0, "000300")],
  ["6.5 an acknowledgement with content", "frameSizeError", rawFrame(SETTINGS, ACK, 0, "00")],
  ["6.5.2 ENABLE_PUSH of 2", "protocolError", rawFrame(SETTINGS, 0, 0, setting(2, 2))],
  ["6.5.2 a window over 2^31-1", "flowControlError", rawFrame(SETTINGS, 0, 0, setting(4, 2 ** 31))],
  ["6.5.2 frames below 16384", "protocolError", rawFrame(SETTINGS, 0, 0, setting(5, 16_383))],
  ["6.5.2 frames over 2^24-1", "protocolError", rawFrame(SETTINGS, 0, 0, setting(5, 2 ** 24))],
  ["6.6 PUSH_PROMISE of a client", "protocolError", open(1, wait), rawFrame(PUSH, 4, 1, word(2))],
  ["6.7 PING of a stream", "protocolError", rawFrame(PING, 0, 1, Buffer.alloc(8))],
  ["6.7 PING of a wrong length", "frameSizeError", rawFrame(PING, 0, 0, "000000000000")],
  ["6.8 GOAWAY of a stream", "protocolError", rawFrame(GOAWAY, 0, 1, Buffer.alloc(8))],
  ["6.8 GOAWAY of a wrong length", "frameSizeError", rawFrame(GOAWAY, 0, 0, "00")],
  ["6.9 WINDOW_UPDATE of a wrong length", "frameSizeError", rawFrame(WINDOW, 0, 0, "000001")],
  ["6.9 a connection's window widened by 0", "protocolError", rawFrame(WINDOW, 0, 0, word(0))],
  [
    "6.9.1 a connection's window over 2^31-1",
    "flowControlError",
    rawFrame(WINDOW, 0, 0, word(2 ** 31 - 1)),
  ],
  [
    "6.9.2 SETTINGS that lift a stream's window over 2^31-1",
    "flowControlError",
    open(1, wait),
    rawFrame(WINDOW, 0, 1, word(2 ** 30)),
    rawFrame(SETTINGS, 0, 0, setting(4, 2 ** 31 - 1)),
  ],
  ["6.10 CONTINUATION after a whole block", "protocolError", open(1), rawFrame(CONTINUATION, 4, 1)],
  ["6.10 CONTINUATION of stream 0", "protocolError", rawFrame(CONTINUATION, END_HEADERS, 0)],
  // Floods.
  ["a flood of SETTINGS", "enhanceYourCalm", repeat(1100, settings)],
  ["a flood of empty DATA", "enhanceYourCalm", open(1, wait), repeat(1100, rawFrame(DATA, 0, 1))],
  ["a flood of PRIORITY", "enhanceYourCalm", repeat(1100, rawFrame(PRIORITY, 0, 1, "0000000001"))],
  ["a flood of unknown frames", "enhanceYourCalm", repeat(1100, rawFrame(0x77, 0, 0))],
  ["a flood of PING", "enhanceYourCalm", repeat(4, rawFrame(PING, 0, 0, Buffer.alloc(8)))],
  [
    "a flood of empty CONTINUATION",
    "enhanceYourCalm",
    rawFrame(HEADERS, 0, 1),
    repeat(1100, rawFrame(CONTINUATION, 0, 1)),
  ],
  [
    "a header block without end",
    "enhanceYourCalm",
    rawFrame(HEADERS, 0, 1),
    repeat(5, rawFrame(CONTINUATION, 0, 1, Buffer.alloc(16_000))),
  ],
  [
    "requests that are reset at once",
    "enhanceYourCalm",
    ...Array.from({ length: 2500 }, (_, i) =>
      Buffer.concat([open(2 * i + 1, wait), rawFrame(RST, 0, 2 * i + 1, word(8))]),
    ),
  ],
  [
    "requests that make the server reset them",
    "enhanceYourCalm",
    ...Array.from({ length: 2500 }, (_, i) =>
      Buffer.concat([open(2 * i + 1, wait), rawFrame(WINDOW, 0, 2 * i + 1, word(0))]),
    ),
  ],
];

/** Answered with RST_STREAM of stream 1; the connection goes on. */
const streamFaults: readonly Case[] = [
  ["5.1 DATA after the request's end", "streamClosed", call1Waiting(), data(1)],
  ["5.1 DATA after the stream's end", "streamClosed", call(1), data(1)],
  ["5.1 DATA after RST_STREAM", "streamClosed", open(1), rawFrame(RST, 0, 1, word(8)), data(1)],
  ["5.1 HEADERS after the end", "streamClosed", call1Waiting(), closed(1)],
  ["6.9 a stream's window widened by 0", "protocolError", open(1), rawFrame(WINDOW, 0, 1, word(0))],
  [
    "6.9.1 a stream's window over 2^31-1",
    "flowControlError",
    open(1),
    rawFrame(WINDOW, 0, 1, word(2 ** 31 - 1)),
  ],
  ["8.1 a second HEADERS without the end", "protocolError", open(1, wait), open(1, wait)],
  [
    "8.1 a pseudo-header among trailers",
    "protocolError",
    open(1, wait),
    closed(1, encodeBlock([":path", "/"])),
  ],
  [
    "8.1.1 a body longer than it says",
    "protocolError",
    open(1, withFields("content-length", "1")),
    data(1),
  ],
  [
    "8.1.1 a body shorter than it says",
    "protocolError",
    open(1, withFields("content-length", "99")),
    dataEnd(1),
  ],
  [
    "8.1.1 no body where one was promised",
    "protocolError",
    closed(1, withFields("content-length", "9")),
  ],
  ["8.1.1 a length that is none", "protocolError", open(1, withFields("content-length", "x"))],
  ["8.2 a name in upper case", "protocolError", open(1, withFields("X-Test", "ok"))],
  ["8.2 an empty name", "protocolError", open(1, withFields("", "ok"))],
  ["8.2.1 a line break in a value", "protocolError", open(1, withFields("x", "a\r\nb"))],
  ["8.2.1 zero in a value", "protocolError", open(1, withFields("x", "a\0b"))],
  ["8.2.1 white space around a value", "protocolError", open(1, withFields("x", " a"))],
  ["8.2.2 connection", "protocolError", open(1, withFields("connection", "keep-alive"))],
  ["8.2.2 transfer-encoding", "protocolError", open(1, withFields("transfer-encoding", "chunked"))],
  ["8.2.2 te other than trailers", "protocolError", open(1, withFields("te", "gzip"))],
  [
    "8.3 an unknown pseudo-header",
    "protocolError",
    open(1, encodeBlock([":test", "x", ":method", "GET"])),
  ],
  ["8.3 a pseudo-header of answers", "protocolError", open(1, encodeBlock([":status", "200"]))],
  [
    "8.3 a pseudo-header after others",
    "protocolError",
    open(1, Buffer.concat([without(":path"), encodeBlock([":path", "/"])])),
  ],
  ["8.3.1 no :method", "protocolError", open(1, without(":method"))],
  ["8.3.1 no :scheme", "protocolError", open(1, without(":scheme"))],
  ["8.3.1 no :path", "protocolError", open(1, without(":path"))],
  ["8.3.1 an empty :path", "protocolError", open(1, requestBlock(""))],
  [
    "8.3.1 :path twice",
    "protocolError",
    open(1, Buffer.concat([encodeBlock([":path", "/"]), echo])),
  ],
  [
    "8.5 CONNECT with a path",
    "protocolError",
    open(1, encodeBlock([":method", "CONNECT", ":path", "/"])),
  ],
  ["a list of headers that is too large", "enhanceYourCalm", ...hugeList()],
];

/** Strange but allowed: a call on stream 99 is answered after it. */
const allowed: readonly (readonly [rule: string, ...parts: Uint8Array[]])[] = [
  ["4.1 an unknown frame, flags and the reserved bit", rawFrame(0x77, 0xff, 0x8000_0001, "00")],
  [
    "5.1 PRIORITY of any stream at any time",
    rawFrame(PRIORITY, 0, 31, "0000000001"),
    call(1),
    rawFrame(PRIORITY, 0, 1, "0000000001"),
  ],
  [
    "5.1 RST_STREAM and WINDOW_UPDATE of a stream that ended",
    call(1),
    rawFrame(WINDOW, 0, 1, word(1)),
    rawFrame(RST, 0, 1, word(0)),
  ],
  ["5.1.1 numbers that are left out", call(1), call(41)],
  [
    "6.1 padded DATA",
    open(1),
    rawFrame(
      DATA,
      PADDED | END_STREAM,
      1,
      Buffer.concat([Buffer.from([3]), message, Buffer.alloc(3)]),
    ),
  ],
  [
    "6.2 padded HEADERS with a priority",
    rawFrame(
      HEADERS,
      END_HEADERS | PADDED | PRIORITIZED,
      1,
      Buffer.concat([Buffer.from("020000000001", "hex"), echo, Buffer.alloc(2)]),
    ),
    dataEnd(1),
  ],
  [
    "6.2 a block in three frames",
    rawFrame(HEADERS, 0, 1, echo.subarray(0, 5)),
    rawFrame(CONTINUATION, 0, 1, echo.subarray(5, 9)),
    rawFrame(CONTINUATION, END_HEADERS, 1, echo.subarray(9)),
    dataEnd(1),
  ],
  ["6.5 unknown settings", rawFrame(SETTINGS, 0, 0, setting(0x77, 5))],
  ["6.5 no table at all for the answers", rawFrame(SETTINGS, 0, 0, setting(1, 0))],
  [
    "6.9 a window that is widened to the very end",
    rawFrame(WINDOW, 0, 0, word(2 ** 31 - 1 - 65_535)),
  ],
  ["8.1 trailers after a request", open(1), data(1), closed(1, encodeBlock(["x-checksum", "1"]))],
  ["8.2.3 cookies in pieces", open(1, withFields("cookie", "a=b", "cookie", "c=d")), dataEnd(1)],
  [
    "an :authority that is a whole URL",
    open(
      1,
      Buffer.concat([encodeBlock([":authority", "http://127.0.0.1:2379"]), without(":authority")]),
    ),
    dataEnd(1),
  ],
  [
    "an :authority that is a path",
    open(
      1,
      Buffer.concat([encodeBlock([":authority", "/run/etcd.sock#x y"]), without(":authority")]),
    ),
    dataEnd(1),
  ],
  ["no :authority", open(1, without(":authority")), dataEnd(1)],
];

function data(id: number): Buffer {
  return rawFrame(DATA, 0, id, message);
}
function dataEnd(id: number): Buffer {
  return rawFrame(DATA, END_STREAM, id, message);
}
/** A call that the client has said all of, and that stays unanswered. */
function call1Waiting(): Buffer {
  return Buffer.concat([open(1, wait), dataEnd(1)]);
}
/** Few bytes that stand for many: one large entry of the table, named over and over. */
function hugeList(): Buffer[] {
  const entry = Buffer.concat([Buffer.from("4001787fe11d", "hex"), Buffer.alloc(3936, 0x61)]);
  return [open(1, Buffer.concat([without(), entry, Buffer.alloc(40, 0xbe)]))];
}

async function answersAfter(client: RawClient): Promise<void> {
  client.write(call(99));
  await client.until(() => client.frames.some((one) => isEndOf(one, 99)));
  const end = client.frames.find((one) => isEndOf(one, 99));
  assert.deepEqual([client.isClosed, end?.type], [false, HEADERS]);
}

function isEndOf(frame: { streamId: number; flags: number; type: number }, id: number): boolean {
  return frame.streamId === id && frame.type === HEADERS && (frame.flags & END_STREAM) !== 0;
}

for (const [rule, code, ...parts] of connectionFaults) {
  test(`the connection ends, ${code}: ${rule}`, async () => {
    const client = new RawClient(port);
    client.write(hello, settings, ...parts);
    await client.until(() => client.find(GOAWAY) !== undefined);
    assert.equal(client.find(GOAWAY)?.payload.readUInt32BE(4), errorCode[code]);
    await client.closed();
  });
}

for (const [rule, code, ...parts] of streamFaults) {
  test(`the stream ends, ${code}: ${rule}`, async () => {
    const client = new RawClient(port);
    client.write(hello, settings, ...parts);
    await client.until(
      () => client.find(RST, 1) !== undefined || client.find(GOAWAY) !== undefined,
    );
    assert.equal(client.find(RST, 1)?.payload.readUInt32BE(0), errorCode[code]);
    await answersAfter(client);
    client.close();
  });
}

for (const [rule, ...parts] of allowed) {
  test(`allowed: ${rule}`, async () => {
    const client = new RawClient(port);
    client.write(hello, settings, ...parts);
    await answersAfter(client);
    assert.equal(client.find(GOAWAY), undefined);
    const resets = client.frames.filter((one) => one.type === RST);
    assert.deepEqual(resets, []);
    client.close();
  });
}
