import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  commandOf,
  ENVELOPE_HEADER_BYTES,
  EnvelopeWriter,
  fenceOf,
  fencePayload,
  isEnvelope,
  isReadable,
  isRosterChange,
  leaderTimeOf,
  leadOf,
  REQUEST_LIMIT,
  requestOf,
  sessionOf,
  writeFence,
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
      assert.equal(fenceOf(envelope), 0);
      writeLeaderTime(envelope, ms);
      writeFence(envelope, n);
      assert.deepEqual(
        {
          is: isEnvelope(envelope),
          session: sessionOf(envelope),
          request: requestOf(envelope),
          time: leaderTimeOf(envelope),
          fence: fenceOf(envelope),
          command: commandOf(envelope).slice(),
        },
        { is: true, session: writer.session, request: n, time: ms, fence: n, command: bytes },
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
  later[0] = 4;
  assert.equal(isEnvelope(later), false);
  assert.equal(isReadable(later), false);
  assert.equal(leadOf(later), undefined);
});

test("an envelope of a roster's change is one, and is told from a command's", () => {
  const writer = new EnvelopeWriter(() => 0.5);
  const [command, change] = [false, true].map((is) => writer.wrap(1, Uint8Array.of(7), is));
  assert.ok(isEnvelope(command!) && isEnvelope(change!));
  assert.deepEqual([isRosterChange(command!), isRosterChange(change!)], [false, true]);
  assert.deepEqual(commandOf(change!), Uint8Array.of(7));
});

test("an envelope of before fences is read, but not proposed any more", () => {
  const old = new Uint8Array(22);
  old.set([1, 7, 0, 0, 0, 0, 0, 0, 5]);
  old[14] = 9;
  old[20] = 1;
  old[21] = 2;
  assert.deepEqual([isEnvelope(old), isReadable(old)], [false, true]);
  const read = [sessionOf(old), requestOf(old), leaderTimeOf(old), fenceOf(old)];
  assert.deepEqual(read, [7, 5, 9, 0]);
  assert.deepEqual(commandOf(old).slice(), Uint8Array.of(1, 2));
  assert.equal(isReadable(old.subarray(0, 19)), false);
});

test("a fence names its leader, and is no envelope", () => {
  const lead = { epoch: 2 ** 40, proposer: "0123456789abcdef" };
  const payload = fencePayload(lead);
  assert.deepEqual(leadOf(payload), lead);
  assert.equal(isReadable(payload), false);
  assert.throws(() => leadOf(payload.subarray(0, payload.length - 1)));
});
