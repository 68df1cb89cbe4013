// A whole server connection, from its first byte: gRPC calls of several kinds, HTTP routes and whatever else is sent.
// Nothing reaches the handlers of errors; every request that began is closed exactly once; what the server says is
// whole frames; a connection that it ends is closed; and nothing is charged or kept when it is over.

import { strictEqual } from "node:assert/strict";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { limitsOf, MemoryBudget } from "../../../packages/server/src/transport/budget.ts";
import { frameHeaderBytes } from "../../../packages/server/src/transport/http2/codes.ts";
import {
  Connection,
  type ConnectionHost,
} from "../../../packages/server/src/transport/http2/connection.ts";
import { encodeBlock } from "../../../packages/server/src/transport/http2/hpack/encoder.ts";
import type { Stream } from "../../../packages/server/src/transport/http2/stream.ts";
import { MessageAssembler } from "../../../packages/server/src/transport/message-assembler.ts";
import {
  hello,
  rawFrame,
  requestBlock,
  settings,
} from "../../../packages/server/src/transport/testing/raw-http2.ts";
import { PropertyBroken, type Target } from "../target.ts";

const answerHead = encodeBlock([":status", "200"]);
const trailers = encodeBlock(["grpc-status", "0"]);
const never = 1e9;
const turn = () => new Promise((resolve) => setImmediate(resolve));
const padded = Buffer.concat([Buffer.from([2]), Buffer.from("\0\0\0\0\x03abc"), Buffer.alloc(2)]);
const block = requestBlock("/a.B/C");
const other = requestBlock("/a.B/D", ["x-y", "z", "content-length", "8"]);
const message = Buffer.from("\0\0\0\0\x03abc");

export const target: Target = {
  name: "http2",
  inputsPerSecondMin: 20,
  millisecondsMax: 500,
  seeds: () =>
    [
      [],
      [rawFrame(1, 4, 1, block), rawFrame(0, 1, 1, message)],
      [rawFrame(1, 5, 1, block), rawFrame(1, 5, 3, block), rawFrame(3, 0, 3, "00000008")],
      [rawFrame(4, 0, 0, "000400010000"), rawFrame(4, 1, 0), rawFrame(6, 0, 0, "0102030405060708")],
      [
        rawFrame(1, 4, 1, other),
        rawFrame(0, 8, 1, padded),
        rawFrame(8, 0, 1, "00000005"),
        rawFrame(0, 1, 1),
      ],
      [
        rawFrame(1, 0, 1, other.subarray(0, 9)),
        rawFrame(9, 0, 1, other.subarray(9, 20)),
        rawFrame(9, 4, 1, other.subarray(20)),
        rawFrame(0, 1, 1, message),
      ],
      [rawFrame(1, 4, 1, block), rawFrame(1, 5, 1, encodeBlock(["x-checksum", "1"]))],
      [
        rawFrame(2, 0, 7, "0000000110"),
        rawFrame(0x30, 0, 0, "00"),
        rawFrame(7, 0, 0, "0000000000000000"),
      ],
    ].map((frames) => Buffer.concat([Buffer.from([7]), settings, ...frames])),
  dictionary: Array.from({ length: 11 }, (_one, type) =>
    rawFrame(type, type === 1 ? 5 : 0, type % 2, "00000001"),
  ),
  async run(input) {
    const world = new World();
    // The first byte says into how large chunks the rest is cut; the hello is given, chance would never find it.
    const chunkBytes = ((input[0] ?? 0) % 16) ** 2 + 1;
    const bytes = Buffer.concat([hello, input.subarray(1)]);
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      world.connection.receive(bytes.subarray(at, at + chunkBytes));
    }
    await turn();
    await world.end();
  },
};

class World implements ConnectionHost {
  readonly connection: Connection;
  readonly #account = new MemoryBudget(limitsOf(never)).open("", () => {});
  readonly #written: Buffer[] = [];
  readonly #socket: Duplex;
  #fault: unknown;
  #open = 0;
  #aborted = 0;

  constructor() {
    this.#socket = new Duplex({
      read() {},
      write: (chunk: Buffer, _encoding, done) => {
        this.#written.push(Buffer.from(chunk));
        done();
      },
    });
    const options = {
      concurrentStreamsMax: 20,
      keepalive: { minTimeMs: 5000, intervalMs: never, timeoutMs: never },
      silenceMs: never,
      stallMs: never,
      requestMs: never,
    };
    this.connection = new Connection(this.#socket as Socket, this.#account, options, this);
  }

  /** Echoes messages, as gRPC does; every third stream is answered at once, every fourth never. */
  request(stream: Stream): void {
    this.#open++;
    let isOpen = true;
    let hasBegun = false;
    const begin = () => {
      if (!hasBegun) stream.begin(answerHead, false);
      hasBegun = true;
    };
    const assembler = new MessageAssembler(1000, {
      message: (bytes) => {
        if (stream.isLocalEnded) return;
        begin();
        const copy = Buffer.from(bytes);
        stream.enqueue(copy.subarray(stream.write(copy, 0, copy.length)));
      },
      refused: () => stream.reset(8),
    });
    stream.consumer = {
      data: (bytes, start, end) => {
        if (!isOpen) throw new PropertyBroken("data for a stream that was closed");
        assembler.push(bytes, start, end);
      },
      remoteEnded: () => {
        if (stream.isLocalEnded || stream.id % 4 === 3) return;
        begin();
        stream.end(trailers);
      },
      drained: () => {},
      unfinishedSinceMs: () => undefined,
      tooLate: () => {},
      closed: () => {
        if (!isOpen) throw new PropertyBroken("a stream closed twice");
        isOpen = false;
        assembler.stop();
        this.#open--;
      },
    };
    if (stream.id % 3 === 2) stream.begin(answerHead, true);
    if (this.connection.streams.size > 20)
      throw new PropertyBroken("more streams than are allowed");
  }

  refused(): void {}

  aborted(): void {
    this.#aborted++;
  }

  failed(error: unknown): void {
    this.#fault ??= error;
  }

  closed(): void {}

  async end(): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault;
    checkFrames(Buffer.concat(this.#written));
    if (this.#aborted > 1) throw new PropertyBroken("ended more than once");
    if (this.#aborted === 1)
      strictEqual(
        this.#socket.writableEnded || this.#socket.destroyed,
        true,
        "ended and not closed",
      );
    const closed = new Promise((resolve) => this.#socket.once("close", resolve));
    const isOver = this.#socket.closed;
    this.connection.destroy();
    if (!isOver) await closed;
    const { sending, streams } = this.connection;
    strictEqual(this.#open, 0, "requests that nobody closed");
    strictEqual(streams.size, 0, "streams that are left");
    strictEqual(this.#account.usedBytes, 0, "bytes that are still charged");
    strictEqual(sending.waitingCount, 0, "streams that wait for ever");
  }
}

function checkFrames(bytes: Buffer): void {
  let at = 0;
  while (at + frameHeaderBytes <= bytes.length) at += frameHeaderBytes + bytes.readUIntBE(at, 3);
  strictEqual(at, bytes.length, "a frame that is not whole");
}
