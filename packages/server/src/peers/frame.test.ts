import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeFrame, FrameError, FrameReader, frameHeaderBytes } from "./frame.ts";

test("frames come out as they went in, however the stream is cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 }),
      (payloads, cuts) => {
        const stream = Buffer.concat(payloads.map((payload) => encodeFrame(4, payload)));
        const out: Buffer[] = [];
        const reader = new FrameReader(1000, (type, payload) => {
          assert.equal(type, 4);
          out.push(Buffer.from(payload));
        });
        for (let at = 0, i = 0; at < stream.length; i++) {
          const cut = cuts[i % cuts.length]!;
          reader.push(stream.subarray(at, at + cut));
          at += cut;
        }
        assert.deepEqual(
          out,
          payloads.map((payload) => Buffer.from(payload)),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test("a flipped bit anywhere in a frame is never delivered", () => {
  const frame = encodeFrame(4, Buffer.from("a message that matters"));
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const damaged = Buffer.from(frame);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    const delivered: unknown[] = [];
    const reader = new FrameReader(1000, (type, payload) => delivered.push([type, payload]));
    try {
      // More bytes follow, so that a length that grew finds something to read.
      reader.push(Buffer.concat([damaged, Buffer.alloc(1000)]));
    } catch (error) {
      assert.ok(error instanceof FrameError);
    }
    assert.deepEqual(delivered, [], `bit ${bit}`);
  }
});

test("an oversized frame is refused by its header, before anything is collected", () => {
  const reader = new FrameReader(100, () => assert.fail("delivered"));
  const header = encodeFrame(4, Buffer.alloc(101)).subarray(0, frameHeaderBytes);
  assert.throws(() => reader.push(header), { name: "FrameError", code: "oversized" });
});

test("a reader that was closed by its sink delivers nothing more", () => {
  const seen: number[] = [];
  const reader: FrameReader = new FrameReader(100, (type) => {
    seen.push(type);
    reader.close();
  });
  reader.push(Buffer.concat([encodeFrame(1, Buffer.alloc(1)), encodeFrame(2, Buffer.alloc(1))]));
  reader.push(encodeFrame(3, Buffer.alloc(1)));
  assert.deepEqual(seen, [1]);
});
