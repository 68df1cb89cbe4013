import assert from "node:assert/strict";
import { test } from "node:test";
import { MalformedBytes } from "@althing/bytes";
import fc from "fast-check";
import type { Membership, MembershipChange } from "../contract.ts";
import {
  decodeLogPoint,
  decodeMembership,
  decodeMembershipEntry,
  encodeLogPoint,
  encodeMembership,
  encodeMembershipEntry,
} from "./codec.ts";
import {
  applyChanges,
  describeMembership,
  isJoint,
  leaveJoint,
  membershipOf,
  membersOf,
  whyInvalid,
} from "./membership.ts";

const ids = ["a", "b", "c", "d", "e"];
const change: fc.Arbitrary<MembershipChange> = fc.record({
  kind: fc.constantFrom("addVoter", "addLearner", "promote", "remove"),
  member: fc.constantFrom(...ids),
});
const simple = fc
  .tuple(fc.subarray(ids, { minLength: 1 }), fc.subarray(ids))
  .map(([voters, rest]) =>
    membershipOf(
      voters,
      rest.filter((id) => !voters.includes(id)),
    ),
  );

function changed(current: Membership, ...changes: MembershipChange[]): Membership | string {
  const outcome = applyChanges(current, changes);
  return outcome.kind === "changed" ? outcome.membership : outcome.why;
}

test("a change of voters passes through a joint configuration", () => {
  const current = membershipOf(["c", "a", "b"]);
  const next = changed(
    current,
    { kind: "addVoter", member: "d" },
    { kind: "remove", member: "a" },
  ) as Membership;
  assert.deepEqual(next, {
    voters: ["b", "c", "d"],
    votersOutgoing: ["a", "b", "c"],
    learners: [],
    learnersNext: [],
  });
  assert.deepEqual(leaveJoint(next), membershipOf(["b", "c", "d"]));
});

test("learners come and go without one", () => {
  const current = membershipOf(["a"]);
  const next = changed(current, { kind: "addLearner", member: "b" });
  assert.deepEqual(next, membershipOf(["a"], ["b"]));
  assert.deepEqual(changed(next as Membership, { kind: "remove", member: "b" }), current);
});

test("a voter that becomes a learner votes until the joint phase ends", () => {
  const next = changed(membershipOf(["a", "b"]), { kind: "addLearner", member: "b" }) as Membership;
  assert.deepEqual(next, {
    voters: ["a"],
    votersOutgoing: ["a", "b"],
    learners: [],
    learnersNext: ["b"],
  });
  assert.deepEqual(leaveJoint(next), membershipOf(["a"], ["b"]));
});

test("what makes no sense is refused with the reason", () => {
  const current = membershipOf(["a", "b"], ["c"]);
  assert.equal(changed(current), "there is nothing to change");
  assert.equal(changed(current, { kind: "addVoter", member: "a" }), "a is a voter already");
  assert.equal(changed(current, { kind: "addLearner", member: "c" }), "c is a learner already");
  assert.equal(changed(current, { kind: "promote", member: "a" }), "a is not a learner");
  assert.equal(changed(current, { kind: "remove", member: "x" }), "x is not a member");
  assert.equal(changed(current, { kind: "addVoter", member: "" }), "a member's id is never empty");
  assert.equal(
    changed(current, { kind: "remove", member: "a" }, { kind: "addVoter", member: "a" }),
    "a is changed twice",
  );
  assert.equal(
    changed(membershipOf(["a"]), { kind: "remove", member: "a" }),
    "at least one voter remains",
  );
  const joint = changed(current, { kind: "promote", member: "c" }) as Membership;
  assert.equal(
    changed(joint, { kind: "remove", member: "a" }),
    "a joint configuration is left before the next change",
  );
});

test("every change leads to a valid membership, and out of the joint one to a simple one", () => {
  fc.assert(
    fc.property(simple, fc.array(change, { minLength: 1, maxLength: 4 }), (current, changes) => {
      const outcome = applyChanges(current, changes);
      fc.pre(outcome.kind === "changed");
      const { membership } = outcome;
      assert.equal(whyInvalid(membership), "");
      const after = isJoint(membership) ? leaveJoint(membership) : membership;
      assert.equal(whyInvalid(after), "");
      assert.equal(isJoint(after), false);
      // Nobody appears or vanishes but those that were named.
      const touched = new Set(changes.map(({ member }) => member));
      const bystanders = membersOf(current).filter((id) => !touched.has(id));
      assert(bystanders.every((id) => membersOf(after).includes(id)));
      assert(bystanders.every((id) => after.voters.includes(id) === current.voters.includes(id)));
    }),
  );
});

test("bytes of memberships and log points come back as they were", () => {
  fc.assert(
    fc.property(simple, fc.uint8Array(), fc.maxSafeNat(), fc.maxSafeNat(), (m, context, i, e) => {
      assert.deepEqual(decodeMembership(encodeMembership(m)), m);
      const entry = decodeMembershipEntry(encodeMembershipEntry(m, context));
      assert.deepEqual(entry.membership, m);
      assert.deepEqual([...entry.context], [...context]);
      const point = { index: i, epoch: e, proposer: "a", membership: m };
      assert.deepEqual(decodeLogPoint(encodeLogPoint(point)), point);
    }),
  );
});

test("bytes that are no membership are malformed, whatever they are", () => {
  const crooked: Membership = { ...membershipOf(["a"]), learners: ["a"] };
  assert.throws(() => decodeMembership(encodeMembership(crooked)), MalformedBytes);
  const unsorted: Membership = { ...membershipOf(["a"]), voters: ["b", "a"] };
  assert.throws(() => decodeMembership(encodeMembership(unsorted)), MalformedBytes);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      for (const decode of [decodeMembership, decodeMembershipEntry, decodeLogPoint]) {
        try {
          decode(bytes);
        } catch (error) {
          assert(error instanceof MalformedBytes);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test("memberships are told in words", () => {
  assert.equal(describeMembership(membershipOf(["a", "b"], ["c"])), "a b learners c");
  const joint = changed(membershipOf(["a", "b"]), { kind: "addLearner", member: "b" });
  assert.equal(describeMembership(joint as Membership), "(a)&&(a b) later learners b");
});
