import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Membership } from "../contract.ts";
import { membershipOf } from "../membership/membership.ts";
import {
  describeQuorum,
  isQuorum,
  majorityIndex,
  majorityOf,
  majorityVerdict,
  quorumIndex,
  quorumVerdict,
} from "./quorum.ts";

const ids = ["a", "b", "c", "d", "e", "f", "g"];
const some = fc.subarray(ids);
const joint = fc.record({ voters: fc.subarray(ids, { minLength: 1 }), votersOutgoing: some });

test("majorities of small groups", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7].map(majorityOf), [1, 2, 2, 3, 3, 4, 4]);
});

test("the index that a majority has reached", () => {
  const at = (...matches: number[]) =>
    majorityIndex(ids.slice(0, matches.length), (id) => matches[ids.indexOf(id)]!);
  assert.equal(at(), Number.MAX_SAFE_INTEGER);
  assert.equal(at(7), 7);
  assert.equal(at(7, 5), 5);
  assert.equal(at(9, 5, 7), 7);
  assert.equal(at(1, 2, 3, 4), 2);
  assert.equal(at(5, 4, 3, 2, 1), 3);
});

test("the fast majority index is the naive one", () => {
  fc.assert(
    fc.property(some, fc.array(fc.nat(5), { minLength: 7, maxLength: 7 }), (voters, matches) => {
      const matchOf = (id: string) => matches[ids.indexOf(id)]!;
      assert.equal(majorityIndex(voters, matchOf), naiveIndex(voters, matchOf));
    }),
  );
});

test("a joint quorum is both majorities", () => {
  fc.assert(
    fc.property(joint, fc.subarray(ids), ({ voters, votersOutgoing }, has) => {
      const membership = { ...membershipOf(voters), votersOutgoing };
      const both = [voters, votersOutgoing].every(
        (half) =>
          half.length === 0 || half.filter((id) => has.includes(id)).length > half.length / 2,
      );
      assert.equal(
        isQuorum(membership, (id) => has.includes(id)),
        both,
      );
      assert.equal(
        quorumIndex(membership, (id) => (has.includes(id) ? 4 : 2)),
        both ? 4 : 2,
      );
    }),
  );
});

test("two quorums of the same membership always meet", () => {
  fc.assert(
    fc.property(joint, some, some, ({ voters, votersOutgoing }, one, other) => {
      const membership = { ...membershipOf(voters), votersOutgoing };
      fc.pre(isQuorum(membership, (id) => one.includes(id)));
      fc.pre(isQuorum(membership, (id) => other.includes(id)));
      assert(one.some((id) => other.includes(id)));
    }),
  );
});

test("a vote is won by a majority of yes, lost when that is out of reach, and open until then", () => {
  const votes = (text: string) =>
    new Map(
      [...text]
        .map((c, i) => [ids[i]!, c] as const)
        .filter(([, c]) => c !== "?")
        .map(([id, c]) => [id, c === "y"] as const),
    );
  const verdict = (text: string) => majorityVerdict(ids.slice(0, text.length), votes(text));
  assert.equal(verdict(""), "won");
  assert.deepEqual(["y", "n", "?"].map(verdict), ["won", "lost", "pending"]);
  assert.deepEqual(["yy", "yn", "y?", "n?"].map(verdict), ["won", "lost", "pending", "lost"]);
  assert.deepEqual(["yy?", "yn?", "nn?", "ynn"].map(verdict), ["won", "pending", "lost", "lost"]);
  assert.deepEqual(["yynn", "ynn?", "yn??", "yyyn"].map(verdict), [
    "lost",
    "lost",
    "pending",
    "won",
  ]);
});

test("elect-the-departed: votes of members outside count for nothing", () => {
  const membership = membershipOf(["a", "b", "c"]);
  const votes = new Map([
    ["a", true],
    ["x", true],
    ["y", true],
  ]);
  assert.equal(quorumVerdict(membership, votes), "pending");
});

test("a joint vote is won in both halves and lost in either", () => {
  const membership: Membership = { ...membershipOf(["a", "b"]), votersOutgoing: ["c"] };
  const verdict = (votes: [string, boolean][]) => quorumVerdict(membership, new Map(votes));
  assert.equal(
    verdict([
      ["a", true],
      ["b", true],
    ]),
    "pending",
  );
  assert.equal(
    verdict([
      ["a", true],
      ["b", true],
      ["c", true],
    ]),
    "won",
  );
  assert.equal(verdict([["c", false]]), "lost");
  assert.equal(
    verdict([
      ["a", false],
      ["c", true],
    ]),
    "lost",
  );
});

test("a quorum is told in words", () => {
  const membership = membershipOf(["a", "b", "c"]);
  assert.equal(
    describeQuorum(membership, (id) => id === "a"),
    "1 of 3; needs 2",
  );
  const both = { ...membership, votersOutgoing: ["d"] };
  assert.equal(
    describeQuorum(both, (id) => id === "a"),
    "1 of 3; needs 2 (new), 0 of 1; needs 1 (old)",
  );
});

function naiveIndex(voters: readonly string[], matchOf: (id: string) => number): number {
  if (voters.length === 0) return Number.MAX_SAFE_INTEGER;
  for (let index = 10; ; index--) {
    if (voters.filter((id) => matchOf(id) >= index).length > voters.length / 2) return index;
  }
}
