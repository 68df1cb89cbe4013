import assert from "node:assert/strict";
import { test } from "node:test";
import { MalformedBytes } from "@althing/bytes";
import fc from "fast-check";
import { encodeMembershipEntry } from "../membership/codec.ts";
import { membershipOf } from "../membership/membership.ts";
import { describeMessage } from "./describe.ts";
import { decodeState, encodeState } from "./durable-state.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import type { MessageOf, ZabMessage } from "./messages.ts";

const n = fc.maxSafeNat();
const small = fc.nat(5);
const flag = fc.boolean();
const inSession = { session: n, epoch: n };
const sequenced = { ...inSession, sequence: n };
const membershipPayload = encodeMembershipEntry(membershipOf(["a", "b"]), new Uint8Array([1, 2]));

const transactions: fc.Arbitrary<MessageOf<"proposal"> | MessageOf<"inform">> = fc
  .record({
    kind: fc.constantFrom("proposal" as const, "inform" as const),
    session: n,
    sequence: n,
    commitIndex: n,
    previousIndex: fc.nat(),
    more: small,
    list: fc.array(
      fc.record({
        rise: fc.nat(2),
        kind: fc.constantFrom("noop", "command", "membership"),
        payload: fc.uint8Array({ maxLength: 300 }),
      }),
    ),
  })
  .map(({ kind, session, sequence, commitIndex, previousIndex, more, list }) => {
    let last = 0;
    const entries = list.map(({ rise, kind, payload }, i) => {
      last += rise;
      const bytes = kind === "membership" ? membershipPayload : payload;
      const index = previousIndex + 1 + i;
      return { index, epoch: last, proposer: "", kind, payload: bytes };
    });
    return { kind, session, epoch: last + more, sequence, commitIndex, previousIndex, entries };
  });

const vote = fc
  .record({
    leader: fc.constantFrom("a", "00000000000000ff"),
    currentEpoch: n,
    lastEpoch: n,
    lastIndex: n,
    isPreferred: flag,
    priority: n,
  })
  .map((fields) => ({ ...fields }));

const ackEpoch: fc.Arbitrary<ZabMessage> = fc
  .record({ ...inSession, counts: flag, currentEpoch: n, commitIndex: n, steps: fc.array(small) })
  .map(({ steps, ...fields }) => {
    let end = { epoch: 1000, lastIndex: 5000 };
    const ends = steps.map((step, i) => {
      if (i > 0) end = { epoch: end.epoch - 1 - step, lastIndex: end.lastIndex - 1 - step };
      return end;
    });
    return { kind: "ackEpoch", ...fields, lastEpoch: 1000, lastIndex: 5000, ends };
  });

const of = <Kind extends ZabMessage["kind"]>(kind: Kind) => fc.constant(kind);
const message: fc.Arbitrary<ZabMessage> = fc.oneof(
  transactions,
  ackEpoch,
  fc.record({
    kind: of("notification"),
    round: n,
    state: fc.constantFrom("looking" as const, "following" as const, "leading" as const),
    epoch: n,
    vote: fc.option(vote, { nil: undefined }),
  }),
  fc.record({ kind: of("followerInfo"), session: n, acceptedEpoch: n }),
  fc.record({ kind: of("leaderInfo"), ...inSession, isEstablished: flag }),
  fc.record({ kind: of("diff"), ...sequenced, agreedIndex: n }),
  fc.record({ kind: of("trunc"), ...sequenced, agreedIndex: n }),
  fc.record({ kind: of("snap"), ...sequenced }),
  fc.record({ kind: of("newLeader"), ...sequenced, lastIndex: n }),
  fc.record({ kind: of("ackNewLeader"), ...inSession, index: n }),
  fc.record({ kind: of("upToDate"), ...sequenced, commitIndex: n }),
  fc.record({ kind: of("commit"), ...sequenced, commitIndex: n }),
  fc.record({ kind: of("ack"), ...inSession, index: n }),
  fc.record({ kind: of("ping"), ...sequenced, round: n }),
  fc.record({
    kind: of("pong"),
    ...inSession,
    round: n,
    index: n,
    isCurrent: flag,
    priority: n,
  }),
  fc.record({ kind: of("syncRequest"), request: n }),
  fc.record({ kind: of("syncResponse"), request: n, index: n }),
  fc.record({ kind: of("syncRefusal"), request: n }),
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

test("a message of transactions is one buffer of exactly its size", () => {
  fc.assert(
    fc.property(transactions, (given) => {
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

test("transactions and histories that nobody can have are malformed", () => {
  const head = { session: 1, epoch: 3 };
  const base = {
    kind: "proposal",
    ...head,
    sequence: 1,
    commitIndex: 0,
    previousIndex: 1,
  } as const;
  const entry = (index: number, epoch: number) =>
    ({ index, epoch, proposer: "", kind: "command", payload: new Uint8Array(0) }) as const;
  const history = { counts: true, currentEpoch: 1, lastEpoch: 2, lastIndex: 5, commitIndex: 0 };
  const ack = { kind: "ackEpoch", ...head, ...history } as const;
  const refused: ZabMessage[] = [
    { ...base, entries: [entry(2, 4)] },
    { ...base, entries: [entry(2, 3), entry(3, 2)] },
    { ...base, entries: [{ ...entry(2, 3), kind: "membership" as const }] },
    { ...base, previousIndex: Number.MAX_SAFE_INTEGER, entries: [entry(2, 3)] },
    { ...ack, ends: [{ epoch: 1, lastIndex: 5 }] },
    { ...ack, ends: [{ epoch: 2, lastIndex: 4 }] },
    {
      ...ack,
      ends: [
        { epoch: 2, lastIndex: 5 },
        { epoch: 2, lastIndex: 4 },
      ],
    },
    {
      ...ack,
      ends: [
        { epoch: 2, lastIndex: 5 },
        { epoch: 1, lastIndex: 5 },
      ],
    },
  ];
  for (const each of refused) {
    assert.throws(() => decodeMessage(encodeMessage(each)), MalformedBytes);
  }
});

test("the durable state comes back as it was, or is malformed", () => {
  fc.assert(
    fc.property(n, n, n, (acceptedEpoch, currentEpoch, commit) => {
      const state = { acceptedEpoch, currentEpoch, commit };
      assert.deepEqual(decodeState(encodeState(state)), state);
    }),
  );
  assert.throws(() => decodeState(new Uint8Array([1, 2])), MalformedBytes);
});

function onlyMalformed(bytes: Uint8Array): void {
  try {
    decodeMessage(bytes);
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
  }
}
