import assert from "node:assert/strict";
import { test } from "node:test";
import { membershipOf } from "@althing/consensus";
import fc from "fast-check";
import { decodePointMeta, encodePointMeta, noFence } from "../point-meta.ts";
import {
  decodeRosterChange,
  encodeRosterChange,
  type MemberRecord,
  type RosterChange,
} from "./records.ts";

const id = fc.stringMatching(/^[0-9a-f]{1,16}$/);
const texts = fc.array(fc.string({ unit: "grapheme" }), { maxLength: 3 });
const records: fc.Arbitrary<MemberRecord> = fc
  .record(
    {
      member: id,
      name: fc.string({ unit: "grapheme" }),
      peerUrls: texts,
      clientUrls: texts,
      incarnation: fc.string(),
    },
    { noNullPrototype: true },
  )
  .chain((record) => fc.constantFrom(record, { ...record, votesWhenReady: true as const }));
const changes: fc.Arbitrary<RosterChange> = fc.oneof(
  records.map((record): RosterChange => ({ kind: "publishMember", ...record })),
  id.map((member): RosterChange => ({ kind: "removeMember", member })),
);

test("every change comes back as it was, and every cut of one is none", () => {
  fc.assert(
    fc.property(changes, fc.nat(), (change, at) => {
      const bytes = encodeRosterChange(change);
      assert.deepEqual(decodeRosterChange(bytes), change);
      assert.equal(decodeRosterChange(bytes.subarray(0, at % bytes.length)), undefined);
    }),
    { numRuns: 1000 },
  );
});

test("the roster comes back with the point, with a fence and without", () => {
  const membership = membershipOf(["a", "b"]);
  fc.assert(
    fc.property(fc.array(records, { maxLength: 5 }), fc.boolean(), (roster, isFenced) => {
      const fence = isFenced ? { index: 7, epoch: 3, proposer: "a" } : noFence;
      const meta = { membership, fence, roster };
      assert.deepEqual(decodePointMeta(encodePointMeta(meta)), meta);
    }),
    { numRuns: 300 },
  );
});
