// What one member may take for proved, and what it may not, message by message: slips there stay unseen for long, since the
// others seldom say what would make them matter.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CoreOptions, Entry, Index, MemberId } from "../contract.ts";
import { encodeMembershipEntry } from "../membership/codec.ts";
import { membershipOf } from "../membership/membership.ts";
import { bytesOf } from "../testing/cluster.ts";
import type { RaftMessage } from "./messages.ts";
import type { RaftEffect } from "./outbox.ts";
import { type RaftCore, raft } from "./raft.ts";

const voters = membershipOf(["a", "b", "c"]);

/** Member a of three, with a log of these terms, and what it was made to do. */
class Alone {
  readonly core: RaftCore;
  nowMs = 0;

  constructor(logTerms: readonly number[], options: Partial<CoreOptions> = {}) {
    const entries = logTerms.map((epoch, i) => entry(i + 1, epoch));
    const state = { term: logTerms.at(-1) ?? 0, vote: "", commit: 0 };
    this.core = raft.create(
      { id: "a", heartbeatTicks: 2, electionTicks: 10, tickMs: 10, random: () => 0.5, ...options },
      {
        state,
        base: { index: 0, epoch: 0, proposer: "", membership: voters },
        entries,
        applied: 0,
      },
    );
  }

  step(...inputs: Parameters<RaftCore["step"]>[0][]): RaftEffect[] {
    for (const input of inputs) this.core.step(input, this.nowMs);
    return this.core.effects();
  }

  receive(from: MemberId, message: RaftMessage): RaftEffect[] {
    return this.step({ kind: "receive", from, message });
  }

  /** The highest write that was asked for reaches the disk. */
  persist(effects: readonly RaftEffect[]): RaftEffect[] {
    const sequence = Math.max(...effects.map((one) => (one.kind === "persist" ? one.sequence : 0)));
    return this.step({ kind: "persisted", sequence });
  }

  /** Elected in the term after its log's by b's vote; returns that term. */
  elect(): number {
    this.step({ kind: "campaign" });
    const term = this.core.status().epoch + 1;
    const candidacy = this.receive("b", { kind: "preVoteResponse", term, granted: true });
    this.receive("b", { kind: "voteResponse", term, granted: true });
    this.persist(candidacy);
    assert.equal(this.core.status().role, "leader");
    return term;
  }
}

function entry(index: Index, epoch: number, membership?: typeof voters): Entry {
  if (membership === undefined) {
    return { index, epoch, proposer: "", kind: "command", payload: bytesOf(`${index}@${epoch}`) };
  }
  const payload = encodeMembershipEntry(membership, bytesOf(""));
  return { index, epoch, proposer: "", kind: "membership", payload };
}

function messages<Kind extends RaftMessage["kind"]>(
  effects: readonly RaftEffect[],
  kind: Kind,
): Extract<RaftMessage, { kind: Kind }>[] {
  const all = effects.flatMap((effect) => {
    if (effect.kind === "send") return [effect.message];
    return effect.kind === "persist" ? effect.thenSend.map(({ message }) => message) : [];
  });
  return all.filter((one) => one.kind === kind) as Extract<RaftMessage, { kind: Kind }>[];
}

const readsIn = (effects: readonly RaftEffect[]) =>
  effects.filter((effect) => effect.kind === "readReady");

test("a follower acknowledges what agrees with the leader, and not what else it holds", () => {
  const member = new Alone([1, 1, 1]);
  const request = { kind: "appendRequest", term: 2, previousTerm: 1, entries: [] } as const;
  const effects = member.receive("b", { ...request, previousIndex: 1, commitIndex: 0 });
  assert.deepEqual(messages(effects, "appendResponse"), [
    { kind: "appendResponse", term: 2, matchIndex: 1 },
  ]);
});

test("a new leader answers no read, whatever confirms it, before an entry of its term is committed", () => {
  const member = new Alone([1, 1]);
  const term = member.elect();
  const asked = member.step({ kind: "read", token: 7 });
  const beats = member.step({ kind: "tick" }, { kind: "tick" });
  const rounds = [...asked, ...beats].flatMap((one) => messages([one], "heartbeatRequest"));
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
  const [next] = messages(committed, "heartbeatRequest");
  assert.deepEqual(readsIn(member.receive("b", { ...answer, round: next!.round })), [
    { kind: "readReady", token: 7, index: 3 },
  ]);
});

test("an answer to a round that was never sent confirms nothing", () => {
  const member = new Alone([1]);
  const term = member.elect();
  member.step({ kind: "persisted", sequence: 99 });
  member.receive("b", { kind: "appendResponse", term, matchIndex: 2 });
  member.receive("b", { kind: "heartbeatResponse", term, round: 1000, priority: 1 });
  assert.deepEqual(readsIn(member.step({ kind: "read", token: 7 })), []);
});

test("a lease was promised by the membership before, and is worth nothing in the next", () => {
  const member = new Alone([1], { reads: "lease" });
  member.step({ kind: "tick" });
  // What it may have promised before a restart is over.
  member.nowMs = 1000;
  const term = member.elect();
  member.step({ kind: "persisted", sequence: 99 });
  member.receive("b", { kind: "appendResponse", term, matchIndex: 2 });
  const beats = member.step({ kind: "tick" }, { kind: "tick" });
  const { round } = messages(beats, "heartbeatRequest")[0]!;
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
  const member = new Alone([1]);
  const append = { kind: "appendRequest", term: 1, previousIndex: 1, previousTerm: 1 } as const;
  const received = member.receive("b", { ...append, commitIndex: 0, entries: [entry(2, 1)] });
  const [earlier] = received.flatMap((one) => (one.kind === "persist" ? [one.sequence] : []));
  member.step({ kind: "campaign" });
  const candidacy = member.receive("c", { kind: "preVoteResponse", term: 2, granted: true });
  member.receive("c", { kind: "voteResponse", term: 2, granted: true });
  member.step({ kind: "persisted", sequence: earlier! });
  assert.equal(member.core.status().role, "candidate");
  member.persist(candidacy);
  assert.equal(member.core.status().role, "leader");
});

test("what is compacted does not take along the membership that comes back when a later one is dropped", () => {
  const member = new Alone([1, 1, 1]);
  const joint = { ...membershipOf(["a", "b", "d"]), votersOutgoing: ["a", "b", "c"] };
  const request = { kind: "appendRequest", term: 1, previousTerm: 1, commitIndex: 3 } as const;
  const effects = member.receive("b", {
    ...request,
    previousIndex: 3,
    entries: [entry(4, 1, joint)],
  });
  member.persist(effects);
  assert.deepEqual(member.core.status().membership.votersOutgoing, ["a", "b", "c"]);
  member.step({ kind: "applied", index: 3 }, { kind: "compact", index: 3 });
  member.receive("c", { ...request, term: 2, previousIndex: 3, entries: [entry(4, 2)] });
  assert.deepEqual(member.core.status().membership, voters);
});

test("a promise under a lease holds in a later term too, until its time is over", () => {
  const member = new Alone([1], { reads: "lease" });
  member.nowMs = 1000;
  const beat = { kind: "heartbeatRequest", term: 1, commitIndex: 0, round: 1 } as const;
  member.receive("b", beat);
  // It enters the term without a leader and without a vote.
  member.nowMs = 1050;
  member.receive("c", { kind: "readRefusal", term: 2, request: 1 });
  const request = { kind: "voteRequest", term: 2, lastIndex: 1, lastTerm: 1 } as const;
  const asked = () => {
    const effects = member.receive("c", { ...request, transfer: false });
    return messages(effects, "voteResponse").map(({ granted }) => granted);
  };
  assert.deepEqual(asked(), [false]);
  member.nowMs = 1099;
  assert.deepEqual(asked(), [false]);
  member.nowMs = 1100;
  assert.deepEqual(asked(), [true]);
});
