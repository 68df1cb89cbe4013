// What is asked of every call before its own checks, and in which order.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallContext } from "../../transport/index.ts";
import { Admission } from "./admission.ts";

const healthy = { state: "running", role: "follower", leader: "b" };

function admission(
  status: Partial<typeof healthy> | { leader: undefined } = {},
  isLearner = false,
) {
  const view = { isLearner, recent: () => ({ ...healthy, ...status }) };
  return new Admission(view as unknown as ConstructorParameters<typeof Admission>[0]);
}

function call(metadata: Readonly<Record<string, string>> = {}): CallContext {
  return { metadata: (name: string) => metadata[name] } as unknown as CallContext;
}

test("a member that has failed or stopped says so, whatever is asked", () => {
  assert.equal(admission().refuse(call(), false), undefined);
  for (const state of ["failed", "stopped", "corrupt"]) {
    assert.equal(admission({ state }).refuse(call(), false), state);
    assert.equal(admission({ state }, true).refuse(call({ hasleader: "true" }), true), state);
  }
});

test("a learner answers what learners answer", () => {
  const learner = admission({ role: "learner" }, true);
  assert.equal(learner.refuse(call(), false), "learnerUnsupported");
  assert.equal(learner.refuse(call(), true), undefined);
  // It is about to vote: the core tells of its role a little later.
  assert.equal(admission({ role: "learner" }, false).refuse(call(), false), undefined);
});

test("a call that wants a leader is refused without one, and others are not", () => {
  const leaderless = admission({ leader: undefined });
  assert.equal(leaderless.refuse(call(), false), undefined);
  assert.equal(leaderless.refuse(call({ hasleader: "false" }), false), undefined);
  assert.equal(leaderless.refuse(call({ hasleader: "true" }), false), "leaderMissing");
  assert.equal(admission().refuse(call({ hasleader: "true" }), false), undefined);
});

test("versions are counted one by one, but no more of them than there is room for", () => {
  const counted = admission();
  for (let i = 0; i < 100; i++) {
    const version = call({ "client-api-version": `3.${i}` });
    assert.equal(counted.refuse(version, false), undefined);
    counted.refuse(version, false, "stream");
  }
  counted.refuse(call({ "client-api-version": "3.0" }), false);
  const { unary, stream } = counted.counters.requests;
  assert.deepEqual([unary.size, stream.size], [33, 33]);
  assert.deepEqual([unary.get("3.0"), unary.get("3.31"), unary.get("other")], [2, 1, 68]);
  assert.equal(counted.refuse(call(), false), undefined);
  const malformed = call({ "client-api-version": "\u00ff\u00fe" });
  assert.equal(counted.refuse(malformed, false), "invalidClientApiVersion");
});
