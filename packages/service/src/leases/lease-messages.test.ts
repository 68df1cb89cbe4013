import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeLeaseMessage, encodeLeaseMessage, type LeaseMessage } from "./lease-messages.ts";

const number = fc.maxSafeNat();
const messages: fc.Arbitrary<LeaseMessage> = fc.oneof(
  fc.record(
    {
      kind: fc.constant("leaseAsk" as const),
      session: number,
      request: number,
      lease: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      renew: fc.boolean(),
    },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      kind: fc.constant("leaseAnswer" as const),
      session: number,
      request: number,
      code: fc.string(),
      left: number,
    },
    { noNullPrototype: true },
  ),
);

test("every message comes back as it was, and every cut of one is none", () => {
  fc.assert(
    fc.property(messages, fc.nat(), (message, at) => {
      const bytes = encodeLeaseMessage(message);
      assert.deepEqual(decodeLeaseMessage(bytes), message);
      assert.equal(decodeLeaseMessage(bytes.subarray(0, at % bytes.length)), undefined);
    }),
    { numRuns: 2000 },
  );
});

test("members of before, to whom these were messages of the member's, wrote the same bytes", () => {
  const ask = { kind: "leaseAsk", session: 5, request: 300, lease: -7n, renew: true } as const;
  const asked = "0a05ac02ffffffff0ff9ffffff0f01";
  assert.equal(Buffer.from(encodeLeaseMessage(ask)).toString("hex"), asked);
  const answer = { kind: "leaseAnswer", session: 5, request: 6, code: "x", left: 30 } as const;
  assert.equal(Buffer.from(encodeLeaseMessage(answer)).toString("hex"), "0b050601781e");
});

test("junk is no message", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      decodeLeaseMessage(bytes);
    }),
    { numRuns: 5000 },
  );
});

test("a lease is 64 bits in two halves, and with a half that is longer it is no message", () => {
  const ask = { kind: "leaseAsk", session: 1, request: 2, lease: -1n, renew: true } as const;
  const bytes = encodeLeaseMessage(ask);
  // Each half is a number of seven bits to the byte: the last byte of either holds four bits.
  const places = [...bytes.keys()].filter((at) => bytes[at] === 0x0f);
  assert.equal(places.length, 2);
  for (const at of places) {
    const longer = bytes.slice();
    longer[at] = 0x1f;
    assert.equal(decodeLeaseMessage(longer), undefined);
  }
});
