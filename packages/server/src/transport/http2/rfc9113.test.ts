// RFC 9113, frame by frame and by the number of its sections: every sequence that a client must not send, with the
// fault that it is answered with, and sequences that are strange and allowed. After each the connection is gone, or
// goes on to serve. Longer than most, because it is a list. Where the RFC asks for a fault of the stream, one of the
// connection will do (5.4.1). What has no case: 4.3.1 (our table never shrinks), 6.6 and 8.4 beyond the first line
// (clients do not push), 6.9.1 (what comes is taken in and credited at once, so that no window of ours is ever
// full), 9.2 (what TLS may be is for node:tls and its settings).

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

/** In place of the preface or the SETTINGS that are to follow it, answered with GOAWAY. */
const helloFaults: readonly Case[] = [
  ["3.4 another preface", "protocolError", Buffer.from("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")],
  ["3.4 no SETTINGS", "protocolError", hello, rawFrame(PING, 0, 0, Buffer.alloc(8))],
  ["3.4 a request before SETTINGS", "protocolError", hello, open(1)],
  ["3.4 an acknowledgement before SETTINGS", "protocolError", hello, rawFrame(SETTINGS, ACK, 0)],
  ["3.4 an unknown frame before SETTINGS", "protocolError", hello, rawFrame(0x77, 0, 0)],
  ["3.4 SETTINGS of a stream", "protocolError", hello, rawFrame(SETTINGS, 0, 1)],
  ["3.4 SETTINGS of an odd length", "frameSizeError", hello, rawFrame(SETTINGS, 0, 0, "00")],
];

/** Sent after the preface and an empty SETTINGS, answered with GOAWAY. */
const connectionFaults: readonly Case[] = [
  ["4.2 a frame over the size limit", "frameSizeError", rawFrame(DATA, 0, 1, Buffer.alloc(16_385))],
  [
    "4.2 HEADERS over the size limit",
    "frameSizeError",
    rawFrame(HEADERS, END_HEADERS, 1, Buffer.alloc(16_385)),
  ],
  [
    "4.2 SETTINGS over the size limit",
    "frameSizeError",
    rawFrame(SETTINGS, 0, 0, Buffer.alloc(16_386)),
  ],
  [
    "4.2 an unknown frame over the size limit",
    "frameSizeError",
    rawFrame(0x77, 0, 0, Buffer.alloc(16_385)),
  ],
  ["4.2 a frame of the largest length", "frameSizeError", Buffer.from("ffffff000000000001", "hex")],
  [
    "4.3 a block interrupted by DATA",
    "protocolError",
    rawFrame(HEADERS, 0, 1, echo),
    rawFrame(DATA, END_STREAM, 1, message),
  ],
  ["4.3 a block interrupted by SETTINGS", "protocolError", rawFrame(HEADERS, 0, 1, echo), settings],
  ["4.3 a block interrupted by HEADERS", "protocolError", rawFrame(HEADERS, 0, 1, echo), open(3)],
  [
    "4.3 a damaged block of a stream that was reset",
    "compressionError",
    open(1, without(":path")),
    closed(1, Buffer.from("ff", "hex")),
  ],
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
  [
    "5.1 CONTINUATION after the request's end",
    "protocolError",
    call1Waiting(),
    rawFrame(CONTINUATION, END_HEADERS, 1),
  ],
  ["5.1.1 a stream that was skipped", "protocolError", open(5, wait), closed(3)],
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
  [
    "6.2 padded HEADERS without a length",
    "protocolError",
    rawFrame(HEADERS, END_HEADERS | PADDED, 1),
  ],
  [
    "6.2 padding over the place of the priority",
    "frameSizeError",
    rawFrame(HEADERS, END_HEADERS | PADDED | PRIORITIZED, 1, "0000000000"),
  ],
  ["6.3 PRIORITY of stream 0", "protocolError", rawFrame(PRIORITY, 0, 0, "0000000001")],
  ["6.3 PRIORITY of a wrong length", "frameSizeError", rawFrame(PRIORITY, 0, 1, "00000000")],
  ["6.4 RST_STREAM of stream 0", "protocolError", rawFrame(RST, 0, 0, word(8))],
  ["6.4 RST_STREAM of a wrong length", "frameSizeError", open(1), rawFrame(RST, 0, 1, "00")],
  ["6.4 RST_STREAM that is too long", "frameSizeError", open(1), rawFrame(RST, 0, 1, "0000000800")],
  ["6.5 SETTINGS of a stream", "protocolError", rawFrame(SETTINGS, 0, 1)],
  ["6.5 SETTINGS of an odd length", "frameSizeError", rawFrame(SETTINGS, 0, 0, "000300")],
  ["6.5 an acknowledgement with content", "frameSizeError", rawFrame(SETTINGS, ACK, 0, "00")],
  ["6.5.2 ENABLE_PUSH of 2", "protocolError", rawFrame(SETTINGS, 0, 0, setting(2, 2))],
  [
    "6.5.2 ENABLE_PUSH of 2^32-1",
    "protocolError",
    rawFrame(SETTINGS, 0, 0, setting(2, 2 ** 32 - 1)),
  ],
  [
    "6.5.3 values count one by one, also those that are taken back",
    "flowControlError",
    rawFrame(SETTINGS, 0, 0, Buffer.concat([setting(4, 2 ** 31), setting(4, 65_535)])),
  ],
  ["6.5.2 a window over 2^31-1", "flowControlError", rawFrame(SETTINGS, 0, 0, setting(4, 2 ** 31))],
  ["6.5.2 frames below 16384", "protocolError", rawFrame(SETTINGS, 0, 0, setting(5, 16_383))],
  ["6.5.2 frames over 2^24-1", "protocolError", rawFrame(SETTINGS, 0, 0, setting(5, 2 ** 24))],
  ["6.5.2 frames of no size", "protocolError", rawFrame(SETTINGS, 0, 0, setting(5, 0))],
  ["6.6 PUSH_PROMISE of stream 0", "protocolError", rawFrame(PUSH, 4, 0, word(2))],
  ["6.6 PUSH_PROMISE of a client", "protocolError", open(1, wait), rawFrame(PUSH, 4, 1, word(2))],
  ["6.7 PING of a stream", "protocolError", rawFrame(PING, 0, 1, Buffer.alloc(8))],
  ["6.7 PING of a wrong length", "frameSizeError", rawFrame(PING, 0, 0, "000000000000")],
  ["6.7 PING that is too long", "frameSizeError", rawFrame(PING, 0, 0, Buffer.alloc(9))],
  ["6.7 an answer to PING of a wrong length", "frameSizeError", rawFrame(PING, ACK, 0, "00")],
  ["6.8 GOAWAY of a stream", "protocolError", rawFrame(GOAWAY, 0, 1, Buffer.alloc(8))],
  ["6.8 GOAWAY of a wrong length", "frameSizeError", rawFrame(GOAWAY, 0, 0, "00")],
  ["6.9 WINDOW_UPDATE of a wrong length", "frameSizeError", rawFrame(WINDOW, 0, 0, "000001")],
  ["6.9 WINDOW_UPDATE that is too long", "frameSizeError", rawFrame(WINDOW, 0, 0, "0000000100")],
  [
    "6.9 a connection's window widened by 0 and the reserved bit",
    "protocolError",
    rawFrame(WINDOW, 0, 0, word(2 ** 31)),
  ],
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
  [
    "6.10 CONTINUATION after DATA",
    "protocolError",
    open(1, wait),
    data(1),
    rawFrame(CONTINUATION, END_HEADERS, 1, echo),
  ],
  [
    "6.10 CONTINUATION after CONTINUATION with the end",
    "protocolError",
    rawFrame(HEADERS, 0, 1, echo.subarray(0, 5)),
    rawFrame(CONTINUATION, END_HEADERS, 1, echo.subarray(5)),
    rawFrame(CONTINUATION, END_HEADERS, 1),
  ],
  [
    "6.10 CONTINUATION after trailers",
    "protocolError",
    open(1, wait),
    closed(1, encodeBlock(["x", "1"])),
    rawFrame(CONTINUATION, END_HEADERS, 1),
  ],
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
  ["5.1 HEADERS after RST_STREAM of ours", "protocolError", open(1, without(":path")), closed(1)],
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
  ["8.2.1 a name with a space", "protocolError", open(1, withFields("x test", "ok"))],
  ["8.2.1 a name with a colon", "protocolError", open(1, withFields("x:test", "ok"))],
  ["8.2.1 a name with zero", "protocolError", open(1, withFields("x\0", "ok"))],
  ["8.2.1 a name with DEL", "protocolError", open(1, withFields("x\x7f", "ok"))],
  ["8.2.1 a name beyond ASCII", "protocolError", open(1, withFields("x\xe9", "ok"))],
  ["8.2.1 a name in upper case at its end", "protocolError", open(1, withFields("x-tesT", "ok"))],
  ["8.2.1 a carriage return in a value", "protocolError", open(1, withFields("x", "a\rb"))],
  ["8.2.1 a tab before a value", "protocolError", open(1, withFields("x", "\ta"))],
  ["8.2.1 a space after a value", "protocolError", open(1, withFields("x", "a "))],
  ["8.2 an empty name", "protocolError", open(1, withFields("", "ok"))],
  ["8.2.1 a line break in a value", "protocolError", open(1, withFields("x", "a\r\nb"))],
  ["8.2.1 zero in a value", "protocolError", open(1, withFields("x", "a\0b"))],
  ["8.2.1 white space around a value", "protocolError", open(1, withFields("x", " a"))],
  ["8.2.2 connection", "protocolError", open(1, withFields("connection", "keep-alive"))],
  ["8.2.2 transfer-encoding", "protocolError", open(1, withFields("transfer-encoding", "chunked"))],
  ["8.2.2 keep-alive", "protocolError", open(1, withFields("keep-alive", "5"))],
  ["8.2.2 proxy-connection", "protocolError", open(1, withFields("proxy-connection", "x"))],
  ["8.2.2 upgrade", "protocolError", open(1, withFields("upgrade", "h2c"))],
  [
    "8.2.2 connection among trailers",
    "protocolError",
    open(1, wait),
    closed(1, encodeBlock(["connection", "close"])),
  ],
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
  [
    "8.1 a name in upper case among trailers",
    "protocolError",
    open(1, wait),
    closed(1, encodeBlock(["X", "1"])),
  ],
  [
    "8.1.1 trailers after a body shorter than it says",
    "protocolError",
    open(1, withFields("content-length", "99")),
    data(1),
    closed(1, encodeBlock(["x", "1"])),
  ],
  [
    "8.1.1 two lengths that differ",
    "protocolError",
    open(1, withFields("content-length", "8", "content-length", "9")),
  ],
  ["8.1.1 a negative length", "protocolError", open(1, withFields("content-length", "-1"))],
  ["8.1.1 a length in hex", "protocolError", open(1, withFields("content-length", "0x8"))],
  [
    "8.3 a pseudo-header of answers among those of requests",
    "protocolError",
    open(1, Buffer.concat([encodeBlock([":status", "200"]), echo])),
  ],
  [
    "8.3.1 an empty :method",
    "protocolError",
    open(1, Buffer.concat([encodeBlock([":method", ""]), without(":method")])),
  ],
  [
    "8.3.1 an empty :scheme",
    "protocolError",
    open(1, Buffer.concat([encodeBlock([":scheme", ""]), without(":scheme")])),
  ],
  [
    "8.3.1 :method twice",
    "protocolError",
    open(1, Buffer.concat([encodeBlock([":method", "GET"]), echo])),
  ],
  [
    "8.3.1 :scheme twice",
    "protocolError",
    open(1, Buffer.concat([encodeBlock([":scheme", "http"]), echo])),
  ],
  [
    "8.3.1 :authority twice",
    "protocolError",
    open(1, Buffer.concat([encodeBlock([":authority", "a"]), echo])),
  ],
  ["8.3.1 a :path without a slash", "protocolError", open(1, requestBlock("test.Echo/Echo"))],
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
  [
    "8.5 CONNECT with a scheme",
    "protocolError",
    open(1, encodeBlock([":method", "CONNECT", ":scheme", "http", ":authority", "a"])),
  ],
  ["8.5 CONNECT without :authority", "protocolError", open(1, encodeBlock([":method", "CONNECT"]))],
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
  [
    "5.1 WINDOW_UPDATE, PRIORITY and RST_STREAM after the request's end",
    call1Waiting(),
    rawFrame(WINDOW, 0, 1, word(1)),
    rawFrame(PRIORITY, 0, 1, "0000000001"),
    rawFrame(RST, 0, 1, word(8)),
    rawFrame(WINDOW, 0, 1, word(1)),
    rawFrame(RST, 0, 1, word(8)),
  ],
  ["5.3.2 PRIORITY of a stream that depends on itself", rawFrame(PRIORITY, 0, 1, "0000000101")],
  [
    "5.3.2 HEADERS of a stream that depends on itself",
    rawFrame(
      HEADERS,
      END_HEADERS | PRIORITIZED,
      1,
      Buffer.concat([Buffer.from("0000000110", "hex"), echo]),
    ),
    dataEnd(1),
  ],
  ["6.1 undefined flags", open(1), rawFrame(DATA, END_STREAM | 0xf6, 1, message)],
  ["6.4 an unknown error code", open(1, wait), rawFrame(RST, 0, 1, word(0xffff_ffff))],
  [
    "6.5.2 a size of frames that is the least and the most",
    rawFrame(SETTINGS, 0, 0, Buffer.concat([setting(5, 16_384), setting(5, 2 ** 24 - 1)])),
  ],
  ["6.5.2 the widest window", rawFrame(SETTINGS, 0, 0, setting(4, 2 ** 31 - 1))],
  ["6.7 an answer to no PING", rawFrame(PING, ACK, 0, Buffer.alloc(8))],
  ["6.9 WINDOW_UPDATE with the reserved bit", rawFrame(WINDOW, 0, 0, word(2 ** 31 + 5))],
  ["8.1 DATA of no bytes with the end", open(1), data(1), rawFrame(DATA, END_STREAM, 1)],
  ["8.1.1 a length that is right", open(1, withFields("content-length", "8")), dataEnd(1)],
  [
    "8.1.1 the same length twice",
    open(1, withFields("content-length", "8", "content-length", "8")),
    dataEnd(1),
  ],
  ["8.2.1 an empty value", open(1, withFields("x", "")), dataEnd(1)],
  [
    "8.2.1 a tab within a value, and bytes beyond ASCII",
    open(1, withFields("x", "a\tb\xe9")),
    dataEnd(1),
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

for (const [rule, code, ...parts] of helloFaults) {
  test(`the connection ends, ${code}: ${rule}`, async () => {
    const client = new RawClient(port);
    client.write(...parts);
    await client.closed();
    assert.equal(client.find(GOAWAY)?.payload.readUInt32BE(4), errorCode[code]);
  });
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

test("the stream is refused, refusedStream: 5.1.2 more streams than are allowed", async () => {
  const client = new RawClient(port);
  client.write(hello, settings);
  // As many as the server said that it takes.
  await client.until(() => client.find(SETTINGS) !== undefined);
  const said = client.find(SETTINGS)!.payload;
  assert.equal(said.readUInt16BE(0), 3);
  const streamsMax = said.readUInt32BE(2);
  const ids = Array.from({ length: streamsMax }, (_, i) => 2 * i + 101);
  const beyond = 2 * streamsMax + 101;
  client.write(...ids.map((id) => open(id, wait)), open(beyond, wait));
  await client.until(() => client.find(RST) !== undefined);
  const { streamId, payload } = client.find(RST)!;
  assert.deepEqual([streamId, payload.readUInt32BE(0)], [beyond, errorCode.refusedStream]);
  client.close();
});

test("5.4.1 GOAWAY names the last stream that was begun, and the connection is closed", async () => {
  const client = new RawClient(port);
  client.write(hello, settings, call(1), open(7, wait), rawFrame(DATA, 0, 0));
  await client.closed();
  assert.equal(client.find(GOAWAY)?.payload.readUInt32BE(0), 7);
});

test("5.4.2 RST_STREAM is not answered with RST_STREAM", async () => {
  const client = new RawClient(port);
  client.write(hello, settings, open(1, wait), rawFrame(RST, 0, 1, word(1)));
  await answersAfter(client);
  assert.equal(client.find(RST), undefined);
  client.close();
});

test("6.5.3 every SETTINGS is acknowledged, in order", async () => {
  const client = new RawClient(port);
  client.write(hello, settings, rawFrame(SETTINGS, 0, 0, setting(4, 1000)), settings);
  const acknowledged = () =>
    client.frames.filter((one) => one.type === SETTINGS && one.flags === ACK);
  await client.until(() => acknowledged().length === 3);
  assert.deepEqual(
    acknowledged().map(({ payload }) => payload.length),
    [0, 0, 0],
  );
  client.close();
});

test("6.8 after GOAWAY of the client what is under way is finished, and then the connection ends", async () => {
  const client = new RawClient(port);
  client.write(hello, settings, open(1), rawFrame(GOAWAY, 0, 0, Buffer.alloc(8)), dataEnd(1));
  await client.closed();
  assert.ok(client.frames.some((one) => isEndOf(one, 1)));
});
