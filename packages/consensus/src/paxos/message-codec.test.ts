import assert from "node:assert/strict";
import { test } from "node:test";
import { MalformedBytes } from "@althing/bytes";
import fc from "fast-check";
import type { Entry } from "../contract.ts";
import { encodeMembershipEntry } from "../membership/codec.ts";
import { membershipOf } from "../membership/membership.ts";
import { describeMessage } from "./describe.ts";
import { decodeState, encodeState } from "./durable-state.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import type { MessageOf, PaxosMessage } from "./messages.ts";

const n = fc.maxSafeNat();
const slot = fc.integer({ min: 1, max: 2 ** 40 });
const membershipPayload = encodeMembershipEntry(membershipOf(["a", "b"]), new Uint8Array([1, 2]));
const id = fc.constantFrom("a", "b", "00000000000000ff");
const plain = { noNullPrototype: true } as const;
const ballot = fc.record({ round: n, proposer: id }, plain);
const anyBallot = fc.record(
  { round: n, proposer: fc.constantFrom("", "a", "00000000000000ff") },
  plain,
);
const value = fc
  .record({
    kind: fc.constantFrom("noop", "command", "membership"),
    payload: fc.uint8Array({ maxLength: 300 }),
  })
  .map(({ kind, payload }) => ({
    kind,
    payload: kind === "membership" ? membershipPayload : payload,
  }));

const accept: fc.Arbitrary<MessageOf<"acceptRequest">> = fc
  .record({ ballot, first: slot, commitIndex: n, values: fc.array(value, { minLength: 1 }) })
  .map(({ ballot, first, commitIndex, values }) => {
    const { round: epoch, proposer } = ballot;
    const entries = values.map((each, i) => ({ index: first + i, epoch, proposer, ...each }));
    return { kind: "acceptRequest", ballot, first, commitIndex, entries };
  });

const promise: fc.Arbitrary<MessageOf<"promise">> = fc
  .record({
    proposer: id,
    first: slot,
    isLast: fc.boolean(),
    commitIndex: n,
    baseIndex: n,
    more: fc.nat(3),
    list: fc.array(
      fc.record({ value, gap: fc.integer({ min: 1, max: 3 }), epoch: fc.nat(3), by: id }),
    ),
  })
  .map(({ proposer, first, isLast, commitIndex, baseIndex, more, list }) => {
    let index = first - 1;
    const entries: Entry[] = list.map(({ value, gap, epoch, by }) => {
      index += gap;
      return { index, epoch, proposer: by, ...value };
    });
    const last = index + more;
    const ballot = { round: 4, proposer };
    return { kind: "promise", ballot, first, last, isLast, commitIndex, baseIndex, entries };
  });

const message: fc.Arbitrary<PaxosMessage> = fc.oneof(
  accept,
  promise,
  fc.record({
    kind: fc.constant("canvassRequest" as const),
    ballot,
    commitIndex: n,
    priority: n,
  }),
  fc.record({
    kind: fc.constant("canvassResponse" as const),
    ballot,
    granted: fc.boolean(),
    promised: anyBallot,
  }),
  fc.record({
    kind: fc.constant("prepareRequest" as const),
    ballot,
    first: slot,
    handedOver: fc.option(anyBallot, { nil: undefined }),
    quorums: fc.record({ prepare: n, accept: n }, plain),
  }),
  fc
    .record({ ballot, first: slot, more: fc.nat(9), matchIndex: n })
    .map(({ ballot, first, more, matchIndex }) => {
      return { kind: "acceptResponse" as const, ballot, first, last: first + more, matchIndex };
    }),
  fc.record({ kind: fc.constant("refusal" as const), ballot, promised: anyBallot }),
  fc.record({
    kind: fc.constant("heartbeatRequest" as const),
    ballot,
    commitIndex: n,
    round: n,
  }),
  fc.record({
    kind: fc.constant("heartbeatResponse" as const),
    ballot,
    round: n,
    priority: n,
    matchIndex: n,
    receivedIndex: n,
    commitIndex: n,
  }),
  fc.record({ kind: fc.constant("commitNotice" as const), ballot, commitIndex: n }),
  fc.record({
    kind: fc.constantFrom("readRequest" as const, "readRefusal" as const),
    ballot,
    request: n,
  }),
  fc.record({ kind: fc.constant("readResponse" as const), ballot, request: n, index: n }),
  fc.record({ kind: fc.constant("takeOver" as const), ballot }),
);

test("messages come back from their bytes as they were, and are told in one line", () => {
  fc.assert(
    fc.property(message, (given) => {
      const decoded = decodeMessage(encodeMessage(given));
      assert.deepEqual(decoded, { ...given });
      assert.equal(describeMessage(decoded).includes("\n"), false);
    }),
    { numRuns: 500 },
  );
});

test("an accept request is one buffer of exactly its size", () => {
  fc.assert(
    fc.property(accept, (given) => {
      const bytes = encodeMessage(given);
      assert.equal(bytes.byteLength, bytes.buffer.byteLength);
    }),
  );
});

test("random bytes are a message or malformed, and nothing else", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), onlyMalformed), { numRuns: 2000 });
});

test("a message with a byte changed, cut or added is a message or malformed", () => {
  const damage = fc.tuple(fc.nat(2), fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(message, damage, (given, [kind, place, byte]) => {
      const bytes = Uint8Array.from(encodeMessage(given));
      if (kind === 0) bytes[place % bytes.length] = byte;
      const cut = kind === 1 ? bytes.subarray(0, place % bytes.length) : bytes;
      onlyMalformed(kind === 2 ? new Uint8Array([...cut, byte]) : cut);
    }),
    { numRuns: 2000 },
  );
});

test("what no proposer and no acceptor can send is malformed", () => {
  const by = { round: 3, proposer: "a" };
  const entry = (index: number, epoch = 3, kind: Entry["kind"] = "command") => {
    return { index, epoch, proposer: "a", kind, payload: new Uint8Array(0) };
  };
  const accept = { kind: "acceptRequest", ballot: by, first: 1, commitIndex: 0 } as const;
  const promise = {
    kind: "promise",
    ballot: by,
    first: 2,
    last: 4,
    isLast: true,
    commitIndex: 0,
    baseIndex: 0,
  } as const;
  const refused: PaxosMessage[] = [
    { ...accept, entries: [] },
    { ...accept, first: 0, entries: [entry(0)] },
    { ...accept, entries: [entry(1, 3, "membership")] },
    { ...accept, first: Number.MAX_SAFE_INTEGER, entries: [entry(Number.MAX_SAFE_INTEGER)] },
    { ...accept, ballot: { round: 3, proposer: "" }, entries: [entry(1)] },
    // Accepted above the promise, before and after what was asked for.
    { ...promise, entries: [entry(3, 4)] },
    { ...promise, entries: [entry(1)] },
    { ...promise, entries: [entry(5)] },
    { kind: "acceptResponse", ballot: by, first: 4, last: 3, matchIndex: 0 },
  ];
  for (const each of refused) {
    assert.throws(() => decodeMessage(encodeMessage(each)), MalformedBytes, describeMessage(each));
  }
});

test("the durable state comes back as it was, or is malformed", () => {
  const proposer = fc.constantFrom("", "a", "00000000000000ff");
  const state = fc.record(
    { round: n, proposer, commit: n, prepareQuorum: n, acceptQuorum: n },
    plain,
  );
  fc.assert(fc.property(state, (each) => assert.deepEqual(decodeState(encodeState(each)), each)));
  const installing = { round: 1, proposer: "a", commit: 2, prepareQuorum: 0, acceptQuorum: 0 };
  const written = { ...installing, installing: 300 };
  assert.deepEqual(decodeState(encodeState(written)), written);
  assert.throws(() => decodeState(new Uint8Array([1, 2])), MalformedBytes);
});

function onlyMalformed(bytes: Uint8Array): void {
  try {
    const decoded = decodeMessage(bytes);
    // Whatever is accepted has one encoding: what is signed or hashed cannot be ambiguous.
    assert.deepEqual([...encodeMessage(decoded)], [...bytes]);
  } catch (error) {
    assert(error instanceof MalformedBytes);
  }
}
