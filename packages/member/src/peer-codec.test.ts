import assert from "node:assert/strict";
import { test } from "node:test";
import { membershipOf, raft } from "@althing/consensus";
import fc from "fast-check";
import { decodePeerMessage, encodePeerMessage, MalformedPeerMessage } from "./peer-codec.ts";
import type { PeerMessage } from "./ports.ts";
import { snapshotComplete } from "./snapshots/sender.ts";

const protocol = raft as never;
const number = fc.oneof(fc.maxSafeNat(), fc.constant(snapshotComplete), fc.nat(300));
const bytes = fc.uint8Array({ maxLength: 300 });
const id = fc.stringMatching(/^[0-9a-f]{1,16}$/);
/** Plain objects, as the decoder makes them. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(model, { noNullPrototype: true });
const point = record({
  index: number,
  epoch: number,
  proposer: id,
  membership: fc.uniqueArray(id, { minLength: 1, maxLength: 5 }).map((ids) => membershipOf(ids)),
});

const messages: fc.Arbitrary<PeerMessage> = fc.oneof(
  record({ kind: fc.constant("forward" as const), payloads: fc.array(bytes) }),
  record({
    kind: fc.constant("forwardRejected" as const),
    reason: fc.string(),
    session: number,
    requests: fc.array(number),
    leaderHint: fc.option(id, { nil: undefined }),
  }),
  record({ kind: fc.constant("stateHash" as const), index: number, hash: number }),
  record({
    kind: fc.constant("snapshotBegin" as const),
    stream: number,
    epoch: number,
    point,
  }),
  record({
    kind: fc.constant("snapshotChunk" as const),
    stream: number,
    sequence: number,
    bytes,
    last: fc.boolean(),
  }),
  record({
    kind: fc.constant("snapshotAck" as const),
    stream: number,
    next: number,
    refused: fc.string(),
  }),
  record({
    kind: fc.constant("adminForward" as const),
    session: number,
    request: number,
    body: bytes,
  }),
  record({
    kind: fc.constant("adminDone" as const),
    session: number,
    request: number,
    code: fc.string(),
    unknown: fc.boolean(),
  }),
);

test("every message comes back as it was", () => {
  fc.assert(
    fc.property(messages, (message) => {
      const again = decodePeerMessage(protocol, encodePeerMessage(protocol, message));
      assert.deepEqual(again, message);
    }),
    { numRuns: 2000 },
  );
});

test("a protocol message comes back as it was", () => {
  const message = { kind: "timeoutNow", term: 7 };
  const wrapped = { kind: "protocol", message } as const;
  assert.deepEqual(decodePeerMessage(protocol, encodePeerMessage(protocol, wrapped)), wrapped);
});

test("what is the service's passes as it is", () => {
  for (const number of [10, 31]) {
    const message = { kind: "service", bytes: Uint8Array.of(number, 1, 2) } as const;
    assert.deepEqual(decodePeerMessage(protocol, encodePeerMessage(protocol, message)), message);
  }
  assert.throws(() => decodePeerMessage(protocol, Uint8Array.of(32, 1)), MalformedPeerMessage);
});

const orCoded = (input: Uint8Array) => {
  try {
    decodePeerMessage(protocol, input);
  } catch (error) {
    assert.ok(error instanceof MalformedPeerMessage, String(error));
  }
};

test("junk ends in a coded error and in nothing else", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 8 }), bytes, (kind, rest) => {
      orCoded(Uint8Array.of(kind, ...rest));
    }),
    { numRuns: 5000 },
  );
});

test("every cut and every flipped bit of a good message ends in a message or a coded error", () => {
  fc.assert(
    fc.property(messages, fc.nat(), fc.nat(7), (message, at, bit) => {
      const good = encodePeerMessage(protocol, message);
      const cut = good.subarray(0, at % good.length);
      assert.throws(() => decodePeerMessage(protocol, cut), MalformedPeerMessage);
      const flipped = good.slice();
      flipped[at % good.length]! ^= 1 << bit;
      orCoded(flipped);
    }),
    { numRuns: 2000 },
  );
});
