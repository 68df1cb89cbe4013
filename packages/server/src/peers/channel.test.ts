import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { Channel } from "./channel.ts";
import { FrameReader } from "./frame.ts";

/** A socket that counts the system calls it would make and holds back what it "sends". */
function countingSocket() {
  const writes: Buffer[] = [];
  const pending: (() => void)[] = [];
  const socket = new Duplex({
    read() {},
    write(bytes: Buffer, _encoding, done) {
      writes.push(Buffer.from(bytes));
      pending.push(done);
    },
    writev(parts, done) {
      writes.push(Buffer.concat(parts.map((part) => part.chunk as Buffer)));
      pending.push(done);
    },
  });
  return { socket: socket as unknown as Socket, writes, pending };
}

function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  new FrameReader(1 << 24, (_type, payload) => frames.push(payload)).push(bytes);
  return frames;
}

const turn = () => new Promise((done) => setImmediate(done));

test("all that one turn sends leaves in one write, small or large", async () => {
  const { socket, writes, pending } = countingSocket();
  const channel = new Channel(socket, 100, () => {});
  const small = [Buffer.from("one"), Buffer.from("two"), Buffer.alloc(0)];
  for (const payload of small) channel.send(4, payload);
  assert.equal(writes.length, 0);
  await turn();
  assert.equal(writes.length, 1);
  assert.deepEqual(framesOf(writes[0]!), small);

  pending.shift()!();
  await turn();
  const large = [Buffer.alloc(200_000, 1), Buffer.from("after it")];
  for (const payload of large) channel.send(4, payload);
  await turn();
  // Node hands the first part of a corked write on together with the rest.
  assert.equal(writes.length, 2);
  assert.deepEqual(framesOf(writes[1]!), large);
});

test("a buffer that the kernel still reads from is not written to again", async () => {
  const { socket, writes, pending } = countingSocket();
  const channel = new Channel(socket, 100, () => {});
  channel.send(4, Buffer.from("first"));
  await turn();
  const held = writes[0]!;
  channel.send(4, Buffer.from("other"));
  await turn();
  while (pending.length > 0) {
    pending.shift()!();
    await turn();
  }
  assert.deepEqual(framesOf(held), [Buffer.from("first")]);
  assert.deepEqual(framesOf(writes[1]!), [Buffer.from("other")]);
});

test("the backlog counts what is queued and what the kernel has not taken", async () => {
  const { socket, pending } = countingSocket();
  const channel = new Channel(socket, 100, () => {});
  channel.send(4, Buffer.alloc(91));
  assert.equal(channel.backlog(), 100);
  await turn();
  assert.equal(channel.backlog(), 100);
  pending.shift()!();
  await turn();
  assert.equal(channel.backlog(), 0);
});
