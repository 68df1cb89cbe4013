// Messages, deadlines and collected bytes, each by itself.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteCollector } from "./byte-collector.ts";
import { roundUp } from "./deadline.ts";
import { MessageAssembler } from "./message-assembler.ts";

function framed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

test("messages come out as they went in, however their bytes are cut", () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
  const cuts = fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(messages, cuts, (sent, sizes) => {
      const seen: string[] = [];
      const assembler = new MessageAssembler(1000, {
        message: (bytes) => void seen.push(Buffer.from(bytes).toString("hex")),
        refused: (_status, text) => assert.fail(text),
      });
      const bytes = Buffer.concat(sent.map(framed));
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const end = Math.min(bytes.length, at + Math.max(1, sizes[i % sizes.length]!));
        assembler.push(bytes, at, end);
        at = end;
      }
      assert.deepEqual(
        seen,
        sent.map((message) => Buffer.from(message).toString("hex")),
      );
      assert.equal(assembler.heldBytes, 0);
    }),
  );
});

test("what is held of a message is at most twice what has come of it", () => {
  const assembler = new MessageAssembler(1 << 20, { message: () => {}, refused: () => {} });
  const bytes = framed(Buffer.alloc(1 << 20));
  for (let at = 0; at < bytes.length - 1; at += 997) {
    const end = Math.min(at + 997, bytes.length - 1);
    assembler.push(bytes, at, end);
    assert.ok(assembler.heldBytes >= end && assembler.heldBytes <= Math.max(512, 2 * end));
  }
  assembler.stop();
  assert.equal(assembler.heldBytes, 0);
});

test("a collector never takes more memory than it was told is wanted", () => {
  const collector = new ByteCollector();
  for (let i = 0; i < 700; i++) collector.push(Buffer.from([i]), 700);
  assert.deepEqual([collector.size, collector.capacity], [700, 700]);
  assert.deepEqual(collector.bytes(), Buffer.from(Array.from({ length: 700 }, (_, i) => i)));
});

test("a deadline is never early and at most a 64th late", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e11, noNaN: true }), (timeoutMs) => {
      const rounded = roundUp(timeoutMs);
      assert.ok(rounded >= timeoutMs && rounded - timeoutMs <= Math.max(1, timeoutMs / 64));
    }),
  );
  const distinct = new Set(Array.from({ length: 10_000 }, (_, i) => roundUp(4000 + i / 10)));
  assert.ok(distinct.size <= 64);
});
