import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { limitsOf, MemoryBudget } from "../budget.ts";
import { Output } from "./output.ts";
import { SendQueue } from "./send-queue.ts";

/** A socket that takes nothing until it is told to. */
class StuckSocket {
  readonly writable = true;
  readonly writes: { readonly bytes: Uint8Array; readonly done: () => void }[] = [];
  write(bytes: Uint8Array, done: () => void): void {
    this.writes.push({ bytes: Buffer.from(bytes), done });
  }
  cork(): void {}
  uncork(): void {}
}

const account = () => new MemoryBudget(limitsOf(1e9)).open("", () => {});

test("a stuck socket gets few buffers, however little is said at a time, and all of it in order", () => {
  const socket = new StuckSocket();
  const memory = account();
  const output = new Output(socket as unknown as Socket, memory, () => {});
  const said: Buffer[] = [];
  for (let i = 0; i < 20_000; i++) {
    const words = Buffer.from(String(i).padStart(20, "."));
    said.push(words);
    output.copy(words, 0, words.length);
    output.flush();
  }
  // Each buffer is 32 KiB: one for each time would have been 640 MB.
  assert.ok(socket.writes.length < 20, `${socket.writes.length} buffers`);
  assert.equal(memory.usedBytes, output.backlogBytes);
  const seen: Uint8Array[] = [];
  for (let one = socket.writes.shift(); one !== undefined; one = socket.writes.shift()) {
    seen.push(one.bytes);
    one.done();
  }
  assert.deepEqual(Buffer.concat(seen), Buffer.concat(said));
  assert.deepEqual([output.backlogBytes, output.writtenBytes, memory.usedBytes], [0, 400_000, 0]);
});

test("what ends a connection is written even to a stuck socket", () => {
  const socket = new StuckSocket();
  const output = new Output(socket as unknown as Socket, account(), () => {});
  for (let i = 0; i < 10; i++) {
    output.uint32(i);
    output.flush();
  }
  const before = socket.writes.length;
  output.uint32(10);
  output.flush(true);
  assert.equal(socket.writes.length, before + 1);
  assert.equal(
    socket.writes.reduce((sum, { bytes }) => sum + bytes.length, 0),
    44,
  );
});

test("a queue of a hundred thousand small pieces empties as fast as a short one, piece by piece", () => {
  const queue = new SendQueue();
  const pieces = 200_000;
  for (let i = 0; i < pieces; i++) queue.push(Buffer.from([i & 0xff, i >> 8]));
  assert.equal(queue.bytes, 2 * pieces);
  const started = performance.now();
  let freed = 0;
  for (let i = 0; i < pieces; i++) {
    assert.equal(queue.next[0], i & 0xff);
    freed += queue.advance(1);
    assert.equal(queue.next.length, 1);
    freed += queue.advance(1);
  }
  assert.deepEqual([queue.bytes, queue.dequeuedBytes, freed], [0, 2 * pieces, pieces * 258]);
  assert.ok(performance.now() - started < 2000);
});
