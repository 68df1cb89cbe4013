import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  commandOf,
  ENVELOPE_HEADER_BYTES,
  EnvelopeWriter,
  isEnvelope,
  leaderTimeOf,
  REQUEST_LIMIT,
  requestOf,
  sessionOf,
  writeLeaderTime,
} from "./envelope.ts";

test("what is wrapped is found again, and the leader's time fits its slot", () => {
  const request = fc.oneof(fc.nat(), fc.constant(REQUEST_LIMIT - 1), fc.constant(2 ** 32));
  const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(random, request, time, fc.uint8Array({ maxLength: 9000 }), (seed, n, ms, bytes) => {
      const writer = new EnvelopeWriter(() => seed);
      const envelope = writer.wrap(n, bytes);
      writeLeaderTime(envelope, ms);
      assert.deepEqual(
        {
          is: isEnvelope(envelope),
          session: sessionOf(envelope),
          request: requestOf(envelope),
          time: leaderTimeOf(envelope),
          command: commandOf(envelope).slice(),
        },
        { is: true, session: writer.session, request: n, time: ms, command: bytes },
      );
    }),
  );
});

test("envelopes that share a slab do not share a byte", () => {
  const writer = new EnvelopeWriter(() => 0.5);
  const envelopes = Array.from({ length: 1000 }, (_, i) =>
    writer.wrap(i, new Uint8Array(i % 300).fill(i)),
  );
  for (const [i, envelope] of envelopes.entries()) {
    assert.equal(requestOf(envelope), i);
    assert.deepEqual(commandOf(envelope).slice(), new Uint8Array(i % 300).fill(i));
  }
});

test("what is too short or of another version is no envelope", () => {
  const envelope = new EnvelopeWriter(() => 0.5).wrap(1, new Uint8Array(0));
  assert.equal(isEnvelope(envelope.subarray(0, ENVELOPE_HEADER_BYTES - 1)), false);
  const later = envelope.slice();
  later[0] = 2;
  assert.equal(isEnvelope(later), false);
});
