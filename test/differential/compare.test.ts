// The comparison itself: it must notice what differs and must not notice what etcd leaves open.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ComparableAnswer } from "./answer.ts";
import { difference } from "./compare.ts";
import type { Operation } from "./operations.ts";

const range = (request: Operation["request"] = {}): Operation => ({ method: "range", request });
const answer = (response: ComparableAnswer["response"]): ComparableAnswer => {
  return { code: 0, message: "", response };
};
const header = (id: number) => ({ cluster_id: id, member_id: id, raft_term: id, revision: 5 });
const kv = (key: string, version: number) => ({ key, version });

test("ids and terms may differ, but not whether they are there", () => {
  const one = answer({ header: header(1) });
  assert.equal(difference(range(), one, answer({ header: header(2) })), undefined);
  assert.notEqual(difference(range(), one, answer({ header: { revision: 5 } })), undefined);
});

test("every other field, code and text is compared", () => {
  const one = answer({ header: header(1), kvs: [kv("a", 1)], count: 1 });
  const others = [
    { header: { ...header(1), revision: 6 }, kvs: [kv("a", 1)], count: 1 },
    { header: header(1), kvs: [kv("a", 2)], count: 1 },
    { header: header(1), kvs: [kv("a", 1)], count: 2 },
    { header: header(1), kvs: [kv("a", 1)], count: 1, more: true },
    { header: header(1), count: 1 },
  ];
  for (const other of others) assert.notEqual(difference(range(), one, answer(other)), undefined);
  const error = { code: 11, message: "compacted", response: undefined };
  assert.notEqual(difference(range(), error, { ...error, code: 3 }), undefined);
  assert.notEqual(difference(range(), error, { ...error, message: "other" }), undefined);
  assert.equal(difference(range(), error, { ...error }), undefined);
});

test("the order of ties is open, the order of different values is not", () => {
  const sorted = range({ sort_order: 1, sort_target: 1 });
  const one = answer({ kvs: [kv("a", 1), kv("b", 1), kv("c", 2)] });
  const swappedTie = answer({ kvs: [kv("b", 1), kv("a", 1), kv("c", 2)] });
  const swappedValues = answer({ kvs: [kv("c", 2), kv("a", 1), kv("b", 1)] });
  assert.equal(difference(sorted, one, swappedTie), undefined);
  assert.notEqual(difference(sorted, one, swappedValues), undefined);
  assert.notEqual(difference(range(), one, swappedTie), undefined);
});

test("which elements of a tie a limit left is open, how many is not", () => {
  const sorted = range({ sort_order: 2, sort_target: 1, limit: 2 });
  const one = answer({ kvs: [kv("c", 2), kv("a", 1)], more: true });
  const other = answer({ kvs: [kv("c", 2), kv("b", 1)], more: true });
  const fewer = answer({ kvs: [kv("c", 2)], more: true });
  assert.equal(difference(sorted, one, other), undefined);
  assert.notEqual(difference(sorted, one, fewer), undefined);
});

test("ranges inside transactions follow the same rule, along the branch that ran", () => {
  const txn: Operation = {
    method: "txn",
    request: { success: [], failure: [{ request_range: { sort_order: 1, sort_target: 1 } }] },
  };
  const inside = (...kvs: unknown[]) => answer({ responses: [{ response_range: { kvs } }] });
  assert.equal(
    difference(txn, inside(kv("a", 1), kv("b", 1)), inside(kv("b", 1), kv("a", 1))),
    undefined,
  );
  assert.notEqual(difference(txn, inside(kv("a", 1)), inside(kv("b", 1))), undefined);
});
