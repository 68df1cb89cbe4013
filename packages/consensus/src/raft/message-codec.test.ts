import assert from "node:assert/strict";
import { test } from "node:test";
import { MalformedBytes } from "@althing/bytes";
import fc from "fast-check";
import { encodeMembershipEntry } from "../membership/codec.ts";
import { membershipOf } from "../membership/membership.ts";
import { describeMessage } from "./describe.ts";
import { decodeState, encodeState } from "./durable-state.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import type { MessageOf, RaftMessage } from "./messages.ts";

const n = fc.maxSafeNat();
const small = fc.nat(5);
const membershipPayload = encodeMembershipEntry(membershipOf(["a", "b"]), new Uint8Array([1, 2]));

const append: fc.Arbitrary<MessageOf<"appendRequest">> = fc
  .record({
    previousIndex: fc.nat(),
    previousTerm: small,
    commitIndex: n,
    more: small,
    list: fc.array(
      fc.record({
        rise: fc.nat(2),
        kind: fc.constantFrom("noop", "command", "membership"),
        payload: fc.uint8Array({ maxLength: 300 }),
      }),
    ),
  })
  .map(({ previousIndex, previousTerm, commitIndex, more, list }) => {
    let epoch = previousTerm;
    const entries = list.map(({ rise, kind, payload }, i) => {
      epoch += rise;
      const bytes = kind === "membership" ? membershipPayload : payload;
      const index = previousIndex + 1 + i;
      return { index, epoch, proposer: "", kind, payload: bytes };
    });
    const term = epoch + more;
    return { kind: "appendRequest", term, previousIndex, previousTerm, commitIndex, entries };
  });

const message: fc.Arbitrary<RaftMessage> = fc.oneof(
  append,
  fc.record({
    kind: fc.constant("preVoteRequest" as const),
    term: n,
    lastIndex: n,
    lastTerm: n,
    priority: n,
  }),
  fc.record({
    kind: fc.constant("voteRequest" as const),
    term: n,
    lastIndex: n,
    lastTerm: n,
    transfer: fc.boolean(),
  }),
  fc.record({
    kind: fc.constantFrom("preVoteResponse" as const, "voteResponse" as const),
    term: n,
    granted: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("appendResponse" as const), term: n, matchIndex: n }),
  fc.record({
    kind: fc.constant("appendRefusal" as const),
    term: n,
    previousIndex: n,
    hintIndex: n,
    hintTerm: n,
  }),
  fc.record({ kind: fc.constant("heartbeatRequest" as const), term: n, commitIndex: n, round: n }),
  fc.record({ kind: fc.constant("heartbeatResponse" as const), term: n, round: n, priority: n }),
  fc.record({ kind: fc.constant("commitNotice" as const), term: n, commitIndex: n }),
  fc.record({
    kind: fc.constantFrom("readRequest" as const, "readRefusal" as const),
    term: n,
    request: n,
  }),
  fc.record({ kind: fc.constant("readResponse" as const), term: n, request: n, index: n }),
  fc.record({ kind: fc.constant("timeoutNow" as const), term: n }),
);

test("every message comes back as it was, and can be told in a line", () => {
  fc.assert(
    fc.property(message, (given) => {
      const decoded = decodeMessage(encodeMessage(given));
      assert.deepEqual(decoded, { ...given });
      assert.equal(describeMessage(decoded).includes("\n"), false);
    }),
    { numRuns: 500 },
  );
});

test("an append message is one buffer of exactly its size", () => {
  fc.assert(
    fc.property(append, (given) => {
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
    fc.property(message, damage, (given, [kind, place, value]) => {
      const bytes = Uint8Array.from(encodeMessage(given));
      if (kind === 0) bytes[place % bytes.length] = value;
      const cut = kind === 1 ? bytes.subarray(0, place % bytes.length) : bytes;
      onlyMalformed(kind === 2 ? new Uint8Array([...cut, value]) : cut);
    }),
    { numRuns: 2000 },
  );
});

test("entries that no leader can send are malformed", () => {
  const base = { kind: "appendRequest", term: 3, previousIndex: 1, commitIndex: 0 } as const;
  const entry = (epoch: number) =>
    ({ index: 2, epoch, proposer: "", kind: "command", payload: new Uint8Array(0) }) as const;
  const refused = [
    { ...base, previousTerm: 2, entries: [entry(1)] },
    { ...base, previousTerm: 2, entries: [entry(4)] },
    { ...base, previousTerm: 2, entries: [{ ...entry(3), kind: "membership" as const }] },
    { ...base, previousIndex: Number.MAX_SAFE_INTEGER, previousTerm: 2, entries: [entry(3)] },
  ];
  for (const each of refused) {
    assert.throws(() => decodeMessage(encodeMessage(each)), MalformedBytes);
  }
});

test("the durable state comes back as it was, or is malformed", () => {
  const id = fc.constantFrom("", "a", "00000000000000ff");
  fc.assert(
    fc.property(n, id, n, (term, vote, commit) => {
      assert.deepEqual(decodeState(encodeState({ term, vote, commit })), { term, vote, commit });
    }),
  );
  assert.throws(() => decodeState(new Uint8Array([1, 2])), MalformedBytes);
});

function onlyMalformed(bytes: Uint8Array): void {
  try {
    const decoded = decodeMessage(bytes);
    // Whatever is accepted has one encoding: what is signed or hashed cannot be ambiguous.
    assert.deepEqual([...encodeMessage(decoded)], [...bytes]);
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
  }
}
