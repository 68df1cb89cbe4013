// What one member may take for proved, message by message: slips there stay unseen for long, since the others seldom say what
// would make them matter.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CoreOptions, Membership, Restored } from "../contract.ts";
import { membershipOf } from "../membership/membership.ts";
import { Alone, messagesIn, voters } from "../testing/alone.ts";
import { bytesOf } from "../testing/cluster.ts";
import type { ZabState } from "./durable-state.ts";
import type { ZabMessage } from "./messages.ts";
import { Hand, looks, voteFor } from "./testing/hand.ts";
import { type ZabCore, zab } from "./zab.ts";

type Member = Alone<ZabMessage, ZabState, ZabCore>;

/** Both of the others vote for it. */
function elected(
  restored: Partial<Restored<ZabState>> = {},
  options: Partial<CoreOptions> = {},
): Member {
  const member: Member = new Alone(zab, restored, options);
  member.step({ kind: "tick" });
  for (const from of ["b", "c"]) member.receive(from, looks(voteFor("a")));
  assert.equal(member.core.inspect().role, "leading");
  return member;
}

const info = (session: number, acceptedEpoch = 0) =>
  ({ kind: "followerInfo", session, acceptedEpoch }) as const;

/** It leads, and c has taken over its history, which is empty; by session 3 and epoch 1. */
function established(membership: Membership): Member {
  const base = { index: 0, epoch: 0, proposer: "", membership };
  const member = elected({ base });
  member.persist(member.receive("c", info(3)));
  member.persist(member.receive("c", { ...inSession, ...nothing, kind: "ackEpoch", counts: true }));
  member.receive("c", { ...inSession, kind: "ackNewLeader", index: 0 });
  assert.equal(member.core.status().role, "leader");
  return member;
}

const inSession = { session: 3, epoch: 1 } as const;
const nothing = { currentEpoch: 0, lastEpoch: 0, lastIndex: 0, commitIndex: 0, ends: [] } as const;

test("what is left of a session that is over does not bring it back", () => {
  const member = established(voters);
  assert.equal(messagesIn(member.receive("b", info(5)), "leaderInfo").length, 1);
  // Only c is heard, for two election timeouts.
  const pong = { ...inSession, kind: "pong", index: 0, isCurrent: true, priority: 1 } as const;
  for (let i = 0; i < 20; i++) {
    member.step({ kind: "tick" });
    member.receive("c", { ...pong, round: 1 });
  }
  assert.equal(member.core.status().role, "leader");
  assert.deepEqual(messagesIn(member.receive("b", info(5)), "leaderInfo"), []);
  assert.deepEqual(
    messagesIn(member.receive("b", info(6)), "leaderInfo").map(({ session }) => session),
    [6],
  );
});

test("a history is taken over whole: NEWLEADER about one that is longer begins anew", () => {
  for (const more of [0, 1]) {
    const hand = new Hand({ history: [1, 1] });
    const { session, epoch } = hand.join("b", 2);
    hand.receive("b", { kind: "diff", session, epoch, sequence: 1, agreedIndex: 2 });
    hand.receive("b", { kind: "newLeader", session, epoch, sequence: 2, lastIndex: 2 + more });
    hand.persist();
    assert.equal(hand.find("ackNewLeader") !== undefined, more === 0);
    assert.equal(hand.state.currentEpoch, more === 0 ? 2 : 1);
  }
});

test("a prospective leader proposes its epoch as soon as what it promised another is over", () => {
  const state = { acceptedEpoch: 0, currentEpoch: 0, commit: 0 };
  // What it may have promised before a restart ends at 100 ms.
  const member = elected({ state }, { reads: "lease" });
  member.persist(member.receive("b", info(5)));
  assert.equal(member.core.inspect().acceptedEpoch, 0);
  member.nowMs = 99;
  member.step({ kind: "tick" });
  assert.equal(member.core.inspect().acceptedEpoch, 0);
  member.nowMs = 100;
  const effects = member.step({ kind: "tick" });
  assert.equal(member.core.inspect().acceptedEpoch, 1);
  assert.deepEqual(
    messagesIn(effects, "leaderInfo").map(({ epoch }) => epoch),
    [1],
  );
});

test("who only observes is brought to what is committed, and need not wait for more", () => {
  const member = established(membershipOf(["a", "b", "c"], ["d"]));
  member.step({ kind: "propose", proposals: [{ token: 1, payload: bytesOf("x") }] });
  assert.equal(member.core.status().commitIndex, 0);
  member.receive("d", info(9));
  const observer = { session: 9, epoch: 1 } as const;
  const effects = member.receive("d", { ...observer, ...nothing, kind: "ackEpoch", counts: true });
  assert.deepEqual(
    messagesIn(effects, "newLeader").map(({ session, lastIndex }) => [session, lastIndex]),
    [[9, 0]],
  );
  assert.deepEqual(messagesIn(effects, "inform"), []);
});

test("a leader that must not lead gives up when its successor has not caught up in time", () => {
  const member = established(voters);
  member.step({ kind: "propose", proposals: [{ token: 1, payload: bytesOf("x") }] });
  member.step({ kind: "stepDown" });
  assert.equal(member.core.status().role, "leader", "c lacks what was proposed");
  const pong = { ...inSession, kind: "pong", index: 0, isCurrent: true, priority: 1 } as const;
  for (let i = 0; i < 10; i++) {
    member.receive("c", { ...pong, round: 1 });
    member.step({ kind: "tick" });
  }
  assert.equal(member.core.inspect().role, "looking");
});
