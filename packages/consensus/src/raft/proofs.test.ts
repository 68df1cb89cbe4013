// What one member may take for proved, and what it may not, message by message: slips there stay unseen for long, since the
// others seldom say what would make them matter.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CoreOptions } from "../contract.ts";
import { membershipOf } from "../membership/membership.ts";
import { Alone, entry, messagesIn, readsIn, sequencesIn, voters } from "../testing/alone.ts";
import { bytesOf } from "../testing/cluster.ts";
import type { RaftState } from "./durable-state.ts";
import type { RaftMessage } from "./messages.ts";
import { type RaftCore, raft } from "./raft.ts";

type Member = Alone<RaftMessage, RaftState, RaftCore>;

/** Its log is of these terms. */
function memberWith(logTerms: readonly number[], options: Partial<CoreOptions> = {}): Member {
  const entries = logTerms.map((term, i) => entry(i + 1, term));
  const state = { term: logTerms.at(-1) ?? 0, vote: "", commit: 0 };
  return new Alone(raft, { state, entries }, options);
}

/** Elected in the term after its log's by b's vote; returns that term. */
function elect(member: Member): number {
  member.step({ kind: "campaign" });
  const term = member.core.status().epoch + 1;
  const candidacy = member.receive("b", { kind: "preVoteResponse", term, granted: true });
  member.receive("b", { kind: "voteResponse", term, granted: true });
  member.persist(candidacy);
  assert.equal(member.core.status().role, "leader");
  return term;
}

test("a follower acknowledges what agrees with the leader, and not what else it holds", () => {
  const member = memberWith([1, 1, 1]);
  const request = { kind: "appendRequest", term: 2, previousTerm: 1, entries: [] } as const;
  const effects = member.receive("b", { ...request, previousIndex: 1, commitIndex: 0 });
  assert.deepEqual(messagesIn(effects, "appendResponse"), [
    { kind: "appendResponse", term: 2, matchIndex: 1 },
  ]);
});

test("a new leader answers no read, whatever confirms it, before an entry of its term is committed", () => {
  const member = memberWith([1, 1]);
  const term = elect(member);
  const asked = member.step({ kind: "read", token: 7 });
  const beats = member.step({ kind: "tick" }, { kind: "tick" });
  const rounds = [...asked, ...beats].flatMap((one) => messagesIn([one], "heartbeatRequest"));
  const round = Math.max(...rounds.map((one) => one.round));
  assert.ok(round >= 1);
  const answer = { kind: "heartbeatResponse", term, round, priority: 1 } as const;
  assert.deepEqual(readsIn(member.receive("b", answer)), []);
  // Both have all three entries now: the read goes on, and names the last of them.
  const committed = [
    ...member.step({ kind: "persisted", sequence: 99 }),
    ...member.receive("b", { kind: "appendResponse", term, matchIndex: 3 }),
  ];
  assert.deepEqual(readsIn(committed), []);
  const [next] = messagesIn(committed, "heartbeatRequest");
  assert.deepEqual(readsIn(member.receive("b", { ...answer, round: next!.round })), [
    { kind: "readReady", token: 7, index: 3 },
  ]);
});

test("an answer to a round that was never sent confirms nothing", () => {
  const member = memberWith([1]);
  const term = elect(member);
  member.step({ kind: "persisted", sequence: 99 });
  member.receive("b", { kind: "appendResponse", term, matchIndex: 2 });
  member.receive("b", { kind: "heartbeatResponse", term, round: 1000, priority: 1 });
  assert.deepEqual(readsIn(member.step({ kind: "read", token: 7 })), []);
});

test("a lease was promised by the membership before, and is worth nothing in the next", () => {
  const member = memberWith([1], { reads: "lease" });
  member.step({ kind: "tick" });
  // What it may have promised before a restart is over.
  member.nowMs = 1000;
  const term = elect(member);
  member.step({ kind: "persisted", sequence: 99 });
  member.receive("b", { kind: "appendResponse", term, matchIndex: 2 });
  const beats = member.step({ kind: "tick" }, { kind: "tick" });
  const { round } = messagesIn(beats, "heartbeatRequest")[0]!;
  member.receive("b", { kind: "heartbeatResponse", term, round, priority: 1 });
  assert.equal(readsIn(member.step({ kind: "read", token: 7 })).length, 1, "the lease holds");
  const changes = [{ kind: "remove", member: "b" }] as const;
  const effects = member.step(
    { kind: "changeMembership", changes, context: bytesOf(""), token: 1 },
    { kind: "read", token: 8 },
  );
  assert.deepEqual(readsIn(effects), []);
});

test("a candidate counts its own vote when the write with it is durable, and no earlier one", () => {
  const member = memberWith([1]);
  const append = { kind: "appendRequest", term: 1, previousIndex: 1, previousTerm: 1 } as const;
  const received = member.receive("b", { ...append, commitIndex: 0, entries: [entry(2, 1)] });
  const [earlier] = sequencesIn(received);
  member.step({ kind: "campaign" });
  const candidacy = member.receive("c", { kind: "preVoteResponse", term: 2, granted: true });
  member.receive("c", { kind: "voteResponse", term: 2, granted: true });
  member.step({ kind: "persisted", sequence: earlier! });
  assert.equal(member.core.status().role, "candidate");
  member.persist(candidacy);
  assert.equal(member.core.status().role, "leader");
});

test("what is compacted does not take along the membership that comes back when a later one is dropped", () => {
  const member = memberWith([1, 1, 1]);
  const joint = { ...membershipOf(["a", "b", "d"]), votersOutgoing: ["a", "b", "c"] };
  const request = { kind: "appendRequest", term: 1, previousTerm: 1, commitIndex: 3 } as const;
  const effects = member.receive("b", {
    ...request,
    previousIndex: 3,
    entries: [entry(4, 1, { membership: joint })],
  });
  member.persist(effects);
  assert.deepEqual(member.core.status().membership.votersOutgoing, ["a", "b", "c"]);
  member.step({ kind: "applied", index: 3 }, { kind: "compact", index: 3 });
  member.receive("c", { ...request, term: 2, previousIndex: 3, entries: [entry(4, 2)] });
  assert.deepEqual(member.core.status().membership, voters);
});

test("a promise under a lease holds in a later term too, until its time is over", () => {
  const member = memberWith([1], { reads: "lease" });
  member.nowMs = 1000;
  const beat = { kind: "heartbeatRequest", term: 1, commitIndex: 0, round: 1 } as const;
  member.receive("b", beat);
  // It enters the term without a leader and without a vote.
  member.nowMs = 1050;
  member.receive("c", { kind: "readRefusal", term: 2, request: 1 });
  const request = { kind: "voteRequest", term: 2, lastIndex: 1, lastTerm: 1 } as const;
  const asked = () => {
    const effects = member.receive("c", { ...request, transfer: false });
    return messagesIn(effects, "voteResponse").map(({ granted }) => granted);
  };
  assert.deepEqual(asked(), [false]);
  member.nowMs = 1099;
  assert.deepEqual(asked(), [false]);
  member.nowMs = 1100;
  assert.deepEqual(asked(), [true]);
});
