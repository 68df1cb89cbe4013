// When an administrator is told that a change is done: not before the membership that the leader leads with is both
// settled and applied here, and never of one that may be undone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AdminRequests } from "./admin.ts";
import type { MemberError } from "./contract.ts";
import type { Turn } from "./turn.ts";

function leading() {
  const world = { nowMs: 0, leadership: { role: "leader", epoch: 1, leader: "a" } };
  const steps: { readonly kind: string; readonly token: number }[] = [];
  const turn = {
    get leadership() {
      return world.leadership;
    },
    ports: { clock: { monotonicMs: () => world.nowMs } },
    waits: { requestMs: 1000 },
    step: (input: { readonly kind: string; readonly token: number }) => steps.push(input),
    schedule: () => {},
    guard: (run: () => void) => run(),
  };
  const requests = new AdminRequests(turn as unknown as Turn);
  const answers: string[] = [];
  const done = (error: MemberError | undefined) => {
    answers.push(error === undefined ? "done" : `${error.code} ${error.outcome}`);
  };
  const change = (index?: number) => {
    requests.change([], new Uint8Array(0), done);
    const { token } = steps.at(-1)!;
    if (index !== undefined) requests.accepted(token, index);
    return token;
  };
  return { world, requests, answers, done, change, steps };
}

test("a change is done when its membership is settled and applied, whichever comes last", () => {
  for (const settledLast of [true, false]) {
    const { requests, answers, change } = leading();
    change(5);
    if (settledLast) requests.membershipApplied(6);
    // What was settled before it says nothing of it.
    requests.membershipSettled(4);
    requests.membershipApplied(settledLast ? 6 : 4);
    assert.deepEqual(answers, []);
    requests.membershipSettled(6);
    if (!settledLast) assert.deepEqual(answers, [], "settled, and not applied");
    requests.membershipApplied(6);
    assert.deepEqual(answers, ["done"]);
    requests.membershipApplied(7);
    assert.deepEqual(answers, ["done"], "told once");
  }
});

test("a change that stands in no log yet, and a transfer, are not done by the settling of another", () => {
  const { requests, answers, change, done } = leading();
  change();
  requests.transfer("b", done);
  requests.membershipSettled(9);
  requests.membershipApplied(9);
  assert.deepEqual(answers, []);
});

test("with the lead goes what was asked: unknown, unless it is certain already", () => {
  const { world, requests, answers, change, done } = leading();
  change(5);
  change(8);
  requests.transfer("b", done);
  requests.membershipSettled(6);
  requests.leadershipChanged();
  assert.deepEqual(answers, [], "it still leads in the same epoch");
  world.leadership = { role: "follower", epoch: 2, leader: "b" };
  requests.leadershipChanged();
  assert.deepEqual(answers, ["leaderChanged unknown"]);
  requests.membershipApplied(6);
  assert.deepEqual(answers, ["leaderChanged unknown", "done"]);
});

test("what is not done in time is unknown if it stands in the log, and not done if it does not", () => {
  const { world, requests, answers, change } = leading();
  change(5);
  change();
  requests.tick(999);
  assert.deepEqual(answers, []);
  world.nowMs = 1000;
  requests.tick(1000);
  assert.deepEqual(answers, ["timedOut unknown", "timedOut notExecuted"]);
});

test("a refusal says whether anything was done, and a transfer that ends with the lead has ended well", () => {
  const { requests, answers, change, done, steps } = leading();
  const refuse = (token: number, reason: Parameters<AdminRequests["rejected"]>[1]) => {
    requests.rejected(token, reason);
    return answers.splice(0).join();
  };
  assert.equal(
    refuse(change(), "membershipChangeInProgress"),
    "membershipChangeInProgress notExecuted",
  );
  assert.equal(refuse(change(), "leadershipLost"), "leaderChanged notExecuted");
  assert.equal(refuse(change(5), "leadershipLost"), "leaderChanged unknown");
  assert.equal(refuse(change(5), "timedOut"), "timedOut unknown");
  requests.transfer("b", done);
  assert.equal(refuse(steps.at(-1)!.token, "timedOut"), "timedOut notExecuted");
  requests.transfer("b", done);
  assert.equal(refuse(steps.at(-1)!.token, "leadershipLost"), "done");
});
