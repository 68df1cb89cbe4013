// Whatever bytes come: nothing is thrown, no bug is met, every request that began is closed exactly once, and
// nothing stays behind. How the bytes are cut into chunks changes no byte of the answer.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { limitsOf, MemoryBudget } from "../budget.ts";
import { hello, rawFrame, requestBlock, settings } from "../testing/raw-http2.ts";
import { frameHeaderBytes } from "./codes.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import { encodeBlock } from "./hpack/encoder.ts";
import type { Stream } from "./stream.ts";

const seed = Number(process.env["FUZZ_SEED"] ?? (Math.random() * 2 ** 32) >>> 0);
let state = seed;
const random = (below: number) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};
const bytesOf = (length: number) => Buffer.from(Array.from({ length }, () => random(256)));
const pick = <Item>(items: readonly Item[]): Item => items[random(items.length)]!;

const concurrentStreamsMax = 50;
const answerHead = encodeBlock([":status", "200"]);
const trailers = encodeBlock(["grpc-status", "0"]);

/** A connection over no network, whose host answers, waits or streams, and keeps count. */
class World implements ConnectionHost {
  readonly written: Buffer[] = [];
  readonly faults: unknown[] = [];
  readonly connection: Connection;
  readonly account = new MemoryBudget(limitsOf(1e9)).open("", () => {});
  begun = 0;
  ended = 0;
  open = 0;
  private readonly behaviour: (stream: Stream, world: World) => void;
  private readonly socket: Duplex;

  constructor(behaviour: (stream: Stream, world: World) => void) {
    this.behaviour = behaviour;
    this.socket = new Duplex({
      read() {},
      write: (chunk: Buffer, _encoding, done) => {
        // A copy: the buffer is used again once `done` was called.
        this.written.push(Buffer.from(chunk));
        done();
      },
    });
    const options = {
      concurrentStreamsMax,
      keepalive: { minTimeMs: 5000, intervalMs: 1e9, timeoutMs: 1e9 },
      silenceMs: 1e9,
      stallMs: 1e9,
      requestMs: 1e9,
    };
    this.connection = new Connection(this.socket as Socket, this.account, options, this);
  }

  request(stream: Stream): void {
    this.begun++;
    this.open++;
    let isOpen = true;
    stream.consumer = {
      data: () => assert.equal(isOpen, true),
      remoteEnded: () => {
        if (!stream.isLocalEnded && random(2) === 0) stream.end(trailers);
      },
      drained: () => {},
      unfinishedSinceMs: () => undefined,
      tooLate: () => {},
      closed: () => {
        assert.equal(isOpen, true, "closed twice");
        isOpen = false;
        this.open--;
      },
    };
    this.behaviour(stream, this);
  }

  refused(): void {}

  aborted(): void {
    this.ended++;
  }

  failed(error: unknown): void {
    this.faults.push(error);
  }

  closed(): void {}

  async end(): Promise<void> {
    this.connection.destroy();
    await new Promise((resolve) => this.socket.once("close", resolve));
    const { sending, streams } = this.connection;
    // Whatever was charged on the way has been released.
    assert.deepEqual(
      [this.faults, this.open, streams.size, this.account.usedBytes, sending.waitingCount],
      [[], 0, 0, 0, 0],
    );
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

function answerSomehow(stream: Stream): void {
  switch (random(5)) {
    case 0:
      stream.begin(answerHead, true);
      return;
    case 1: {
      stream.begin(answerHead, false);
      const body = Buffer.alloc(random(100_000));
      const sent = stream.write(body, 0, body.length);
      stream.enqueue(body.subarray(sent));
      stream.end(random(2) === 0 ? trailers : undefined);
      return;
    }
    case 2:
      stream.reset(2);
      return;
    default:
  }
}

const blocks = [
  requestBlock("/a.B/C"),
  requestBlock("/a.B/D", ["grpc-timeout", "5S"]),
  requestBlock("/a.B/C", ["content-length", "3"]),
  encodeBlock(["x", "y"]),
  Buffer.from("400178027979", "hex"),
  Buffer.from("be", "hex"),
  Buffer.from("20", "hex"),
];

let nextId = 1;

/** Mostly what a client might say, in an order that none would; now and then what none may. */
function someFrame(): Buffer {
  const isWild = random(25) === 0;
  const id = isWild ? random(64) : Math.max(1, nextId - 2 - 2 * random(6));
  switch (random(10)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const opened = isWild ? id : nextId;
      nextId = Math.max(nextId, opened + 2);
      const flags = isWild ? pick([0, 1, 0x2d]) : pick([4, 4, 5]);
      return rawFrame(1, flags, opened, isWild ? pick(blocks) : pick(blocks.slice(0, 3)));
    }
    case 4:
    case 5:
      return rawFrame(0, pick(isWild ? [9] : [0, 0, 1]), id, bytesOf(random(60)));
    case 6:
      return rawFrame(3, 0, id, "00000008");
    case 7:
      return rawFrame(8, 0, pick([0, id]), isWild ? bytesOf(4) : "00001000");
    case 8: {
      const payloads = ["", "000400000000", "000400010000", "000100000000"];
      return rawFrame(4, isWild ? 1 : 0, 0, pick(payloads));
    }
    default:
      return isWild
        ? rawFrame(random(14), random(256), pick([0, id]), bytesOf(random(20)))
        : rawFrame(2, 0, id, "0000000001");
  }
}

async function run(parts: Iterable<Buffer>): Promise<World> {
  const world = new World(answerSomehow);
  for (const part of parts) {
    world.connection.receive(part);
    if (random(4) === 0) await turn();
    assert.ok(world.connection.streams.size <= concurrentStreamsMax);
  }
  await turn();
  await turn();
  checkFrames(Buffer.concat(world.written));
  return world;
}

/** What the server says is whole frames of types that servers send. */
function checkFrames(bytes: Buffer): void {
  let at = 0;
  while (at + frameHeaderBytes <= bytes.length) {
    assert.ok([0, 1, 3, 4, 6, 7, 8].includes(bytes[at + 3]!), `type ${bytes[at + 3]}`);
    at += frameHeaderBytes + bytes.readUIntBE(at, 3);
  }
  assert.equal(at, bytes.length);
}

test(`random bytes (seed ${seed})`, async () => {
  for (let round = 0; round < 300; round++) {
    const world = await run([hello, settings, bytesOf(random(400))]);
    await world.end();
  }
});

test(`random frames in random order (seed ${seed})`, async () => {
  let begun = 0;
  let survived = 0;
  for (let round = 0; round < 400; round++) {
    nextId = 1;
    const frames = Array.from({ length: 1 + random(40) }, someFrame);
    const world = await run([hello, settings, ...frames]);
    begun += world.begun;
    if (world.ended === 0) survived++;
    await world.end();
  }
  // The generator is worth something only if much of what it says is understood.
  assert.ok(begun > 500 && survived > 50, `${begun} requests, ${survived} connections survived`);
});

test(`valid traffic with a byte changed (seed ${seed})`, async () => {
  const good = sample();
  for (let round = 0; round < 600; round++) {
    const bad = Buffer.from(good);
    bad[random(bad.length)] = random(256);
    const world = await run([bad]);
    await world.end();
  }
});

test("chunks may be cut anywhere: at every byte, and into single bytes", async () => {
  const good = sample();
  const answer = async (...chunks: readonly Buffer[]) => {
    const world = new World((stream) => {
      stream.begin(answerHead, false);
      const body = Buffer.from(stream.head.path);
      stream.enqueue(body.subarray(stream.write(body, 0, body.length)));
      stream.end(trailers);
    });
    for (const chunk of chunks) world.connection.receive(chunk);
    // On a busy machine what is said byte by byte takes more than its share of a turn.
    for (let turns = 0; turns < 20; turns++) await turn();
    const written = Buffer.concat(world.written);
    await world.end();
    return written.toString("hex");
  };
  const whole = await answer(good);
  assert.ok(whole.length > 400);
  for (let cut = 1; cut < good.length; cut++) {
    assert.equal(await answer(good.subarray(0, cut), good.subarray(cut)), whole, `cut at ${cut}`);
  }
  assert.equal(await answer(...Array.from(good, (byte) => Buffer.from([byte]))), whole);
});

/** A little of everything that is allowed. */
function sample(): Buffer {
  const padded = Buffer.concat([Buffer.from([2]), Buffer.from("abc"), Buffer.alloc(2)]);
  const [first, second] = [requestBlock("/a.B/C"), requestBlock("/a.B/D", ["x-y", "z"])];
  return Buffer.concat([
    hello,
    rawFrame(4, 0, 0, "000400010000"),
    rawFrame(4, 1, 0),
    rawFrame(1, 4, 1, first),
    rawFrame(0, 8, 1, padded),
    rawFrame(0, 1, 1, Buffer.from("def")),
    rawFrame(6, 0, 0, "0102030405060708"),
    rawFrame(1, 1, 3, second.subarray(0, 7)),
    rawFrame(9, 0, 3, second.subarray(7, 20)),
    rawFrame(9, 4, 3, second.subarray(20)),
    rawFrame(8, 0, 0, "00000005"),
    rawFrame(1, 5, 5, first),
    rawFrame(2, 0, 7, "0000000110"),
    rawFrame(1, 4, 7, first),
    rawFrame(0, 0, 7, Buffer.from("gh")),
    rawFrame(1, 5, 7, encodeBlock(["x-checksum", "1"])),
    rawFrame(0x30, 0, 0, "00"),
  ]);
}
