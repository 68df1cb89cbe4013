// A checker that finds nothing is no checker: each property is broken once.

import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import type { Entry, Index } from "../contract.ts";
import { encodeMembershipEntry } from "../membership/codec.ts";
import { membershipOf } from "../membership/membership.ts";
import {
  checkKept,
  checkLog,
  checkMarks,
  checkMarksRise,
  checkMemberships,
  checkMembershipsOfLog,
  checkPeers,
  gather,
  type Must,
} from "./invariants.ts";

const membership = membershipOf(["a", "b"]);
const invalid = { ...membership, learners: ["a"] };
const whole = {
  baseIndex: 2,
  entries: [entry(3, 1), entry(4, 2)],
  commitIndex: 4,
  durableIndex: 4,
  applySentIndex: 3,
  appliedIndex: 3,
  memberships: [{ index: 0, membership }],
};
type State = typeof whole;

function entry(index: Index, epoch: number): Entry {
  return { index, epoch, proposer: "", kind: "command", payload: new Uint8Array(0) };
}

function changed(index: Index): Entry {
  const payload = encodeMembershipEntry(membership, new Uint8Array(0));
  return { ...entry(index, 2), kind: "membership", payload };
}

const broken = (check: (must: Must) => void) => gather("a", check).map(({ property }) => property);
const all = (state: State) =>
  broken((must) => {
    checkLog(state, { atBase: 1, known: 2 }, must);
    checkMarks(state, must);
    checkMemberships(state, must);
    checkMembershipsOfLog(state, must);
  });

test("each property of one state is found broken, and nothing else with it", () => {
  deepEqual(all(whole), []);
  const cases: [string, Partial<State>][] = [
    ["log-gapless", { entries: [entry(3, 1), entry(5, 2)] }],
    ["log-epochs-ascend", { entries: [entry(3, 2), entry(4, 1)] }],
    ["log-epoch-known", { entries: [entry(3, 1), entry(4, 3)] }],
    ["commit-in-log", { commitIndex: 5 }],
    ["durable-in-log", { durableIndex: 5 }],
    ["apply-committed-durable", { durableIndex: 2 }],
    ["applied-was-sent", { appliedIndex: 4 }],
    ["compacted-was-applied", { appliedIndex: 1 }],
    ["membership-at-base", { memberships: [] }],
    ["membership-valid", { memberships: [{ index: 0, membership: invalid }] }],
    ["memberships-are-the-logs", { entries: [entry(3, 1), changed(4)] }],
  ];
  for (const [property, change] of cases) deepEqual(all({ ...whole, ...change }), [property]);
  const twice = [...whole.memberships, ...whole.memberships];
  deepEqual(all({ ...whole, memberships: twice }), ["memberships-ascend"]);
});

test("what falls, and what no longer stands, is found", () => {
  const delta = (change: Partial<State>) =>
    broken((must) => {
      const next = { ...whole, ...change };
      checkMarksRise(whole, next, must);
      checkKept(whole, next, whole.commitIndex, must);
    });
  deepEqual(delta({}), []);
  deepEqual(delta({ baseIndex: 3, entries: whole.entries.slice(1) }), []);
  deepEqual(delta({ commitIndex: 3 }), ["commit-monotonic"]);
  deepEqual(delta({ applySentIndex: 2 }), ["apply-monotonic"]);
  const earlier = [entry(2, 1), ...whole.entries];
  deepEqual(delta({ baseIndex: 1, entries: earlier }), ["base-monotonic"]);
  const replaced = [entry(3, 1), entry(4, 3)];
  deepEqual(delta({ entries: replaced }), ["committed-or-led-entries-stand"]);
  deepEqual(delta({ entries: [entry(3, 1)] }), ["committed-or-led-entries-stand"]);
});

test("a leader that feeds too few, too many or from the future is found", () => {
  const fed = (...peers: { id: string; match: Index; next: Index }[]) =>
    broken((must) => checkPeers("a", peers, { lastIndex: 4, membership }, must));
  const peer = { id: "b", match: 4, next: 5 };
  deepEqual(fed(peer), []);
  deepEqual(fed(), ["members-are-fed"]);
  deepEqual(fed(peer, { ...peer, id: "c" }), ["strangers-are-not-fed"]);
  deepEqual(fed({ ...peer, next: 4 }), ["match-before-next"]);
  deepEqual(fed({ ...peer, match: 5, next: 6 }), ["match-in-log"]);
});
