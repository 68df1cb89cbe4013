// What is dropped at the door: answers to ballots of the past, and orders from whoever may not give them.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemberId } from "../contract.ts";
import { membershipOf } from "../membership/membership.ts";
import type { PaxosMessage } from "./messages.ts";
import type { PaxosEffect } from "./outbox.ts";
import { type PaxosCore, paxos } from "./paxos.ts";

const majorities = { prepare: 0, accept: 0 };

/** a, which prepares ballot 2.a after ballot 1.a came to nothing. */
function secondAttempt(): PaxosCore {
  const core = paxos.create(
    { id: "a", heartbeatTicks: 2, electionTicks: 10, tickMs: 10, random: () => 0.5 },
    {
      state: undefined,
      base: { index: 0, epoch: 0, proposer: "", membership: membershipOf(["a", "b", "c"]) },
      entries: [],
      applied: 0,
    },
  );
  for (const round of [1, 2]) {
    core.step({ kind: "campaign" }, 0);
    receive(core, "b", {
      kind: "canvassResponse",
      ballot: { round, proposer: "a" },
      granted: true,
      promised: { round: 0, proposer: "" },
    });
  }
  assert.deepEqual(core.inspect().promised, { round: 2, proposer: "a" });
  return core;
}

/** Everything is written at once. */
function receive(core: PaxosCore, from: MemberId, message: PaxosMessage): PaxosEffect[] {
  core.step({ kind: "receive", from, message }, 0);
  const effects = core.effects();
  for (const effect of effects) {
    if (effect.kind === "persist") core.step({ kind: "persisted", sequence: effect.sequence }, 0);
  }
  return [...effects, ...core.effects()];
}

function promise(round: number): PaxosMessage {
  return {
    kind: "promise",
    ballot: { round, proposer: "a" },
    first: 1,
    last: 1,
    isLast: true,
    commitIndex: 0,
    baseIndex: 0,
    entries: [],
  };
}

test("a promise of an earlier ballot counts for nothing", () => {
  const core = secondAttempt();
  receive(core, "b", promise(1));
  assert.equal(core.inspect().role, "candidate");
  receive(core, "b", promise(2));
  assert.equal(core.inspect().role, "leader");
});

test("a value that was accepted under an earlier ballot counts for nothing", () => {
  const core = secondAttempt();
  receive(core, "b", promise(2));
  const proposals = [{ token: 1, payload: new Uint8Array(1) }];
  core.step({ kind: "propose", proposals }, 0);
  for (const effect of core.effects()) {
    if (effect.kind === "persist") core.step({ kind: "persisted", sequence: effect.sequence }, 0);
  }
  const accepted = { kind: "acceptResponse", first: 1, last: 1, matchIndex: 1 } as const;
  receive(core, "b", { ...accepted, ballot: { round: 1, proposer: "a" } });
  assert.equal(core.status().commitIndex, 0);
  receive(core, "b", { ...accepted, ballot: { round: 2, proposer: "a" } });
  assert.equal(core.status().commitIndex, 1);
});

test("a stranger's promise counts for nothing", () => {
  const core = secondAttempt();
  receive(core, "x", promise(2));
  assert.equal(core.inspect().role, "candidate");
});

test("nobody proposes, prepares or hands over in another's name", () => {
  const core = secondAttempt();
  const ballot = { round: 9, proposer: "c" };
  const before = core.inspect();
  const orders: PaxosMessage[] = [
    { kind: "prepareRequest", ballot, first: 1, handedOver: undefined, quorums: majorities },
    {
      kind: "acceptRequest",
      ballot,
      first: 1,
      commitIndex: 1,
      entries: [{ index: 1, epoch: 9, proposer: "c", kind: "noop", payload: new Uint8Array(0) }],
    },
    { kind: "heartbeatRequest", ballot, commitIndex: 1, round: 1 },
    { kind: "commitNotice", ballot, commitIndex: 1 },
    { kind: "takeOver", ballot },
  ];
  for (const message of orders) assert.deepEqual(receive(core, "b", message), []);
  assert.deepEqual(core.inspect(), before);
});

test("two ballots of one round are told apart: the higher id's is above", () => {
  const core = secondAttempt();
  const higher = { round: 2, proposer: "c" };
  receive(core, "c", {
    kind: "prepareRequest",
    ballot: higher,
    first: 1,
    handedOver: undefined,
    quorums: majorities,
  });
  assert.deepEqual(core.inspect().promised, higher);
  assert.equal(core.inspect().role, "follower");
});
