// How other consensus systems failed, each under the name it has in the project's list of such bugs
// (and the place where it was reported, where a name alone does not tell), shown not to happen here.
// It is long for the same reason as the list is.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Entry, MemberId } from "../contract.ts";
import { isJoint, membershipOf } from "../membership/membership.ts";
import { bytesOf, Cluster, type ClusterOptions, clusterOf } from "../testing/cluster.ts";
import { randomOf } from "../testing/random-run.ts";
import type { RaftState } from "./durable-state.ts";
import type { RaftInspection } from "./inspect.ts";
import type { RaftMessage } from "./messages.ts";
import type { RaftEffect } from "./outbox.ts";
import { raft } from "./raft.ts";

type RaftCluster = Cluster<RaftMessage, RaftState>;

function led(count = 3, options: Partial<ClusterOptions> = {}): RaftCluster {
  const cluster = clusterOf(raft, count, options);
  cluster.step("a", { kind: "campaign" });
  cluster.stabilize();
  assert.equal(cluster.leader(), "a");
  return cluster;
}

function propose(cluster: RaftCluster, id: MemberId, ...payloads: string[]): void {
  const proposals = payloads.map((text, i) => ({ token: 1000 + i, payload: bytesOf(text) }));
  cluster.step(id, { kind: "propose", proposals });
}

function inspect(cluster: RaftCluster, id: MemberId): RaftInspection {
  return cluster.at(id).core.inspect() as RaftInspection;
}

function receive(cluster: RaftCluster, to: MemberId, from: MemberId, message: RaftMessage) {
  return cluster.step(to, { kind: "receive", from, message });
}

function entry(index: number, epoch: number): Entry {
  return { index, epoch, proposer: "", kind: "command", payload: bytesOf(`${index}@${epoch}`) };
}

function waiting(effects: readonly RaftEffect[]): RaftMessage[] {
  return effects.flatMap((effect) =>
    effect.kind === "persist" ? effect.thenSend.map(({ message }) => message) : [],
  );
}

describe("elections, terms, votes", () => {
  test("vote-dropped-on-stepdown: a leader that steps down remembers whom it voted for", () => {
    const cluster = led();
    cluster.isolate("a");
    cluster.step("a", { kind: "stepDown" });
    cluster.tick("a", 25);
    const { term, vote } = inspect(cluster, "a");
    assert.deepEqual({ term, vote }, { term: 1, vote: "a" });
    const ask = {
      kind: "voteRequest",
      term: 1,
      lastIndex: 9,
      lastTerm: 1,
      transfer: true,
    } as const;
    receive(cluster, "a", "b", ask);
    assert.equal(inspect(cluster, "a").vote, "a");
  });

  test("self-vote-unrecorded: a candidate's own vote counts once it is on its disk", () => {
    const cluster = clusterOf(raft, 3);
    cluster.step("a", { kind: "campaign" });
    receive(cluster, "a", "b", { kind: "preVoteResponse", term: 1, granted: true });
    receive(cluster, "a", "b", { kind: "voteResponse", term: 1, granted: true });
    assert.equal(inspect(cluster, "a").role, "candidate");
    cluster.persist("a");
    assert.equal(inspect(cluster, "a").role, "leader");
  });

  test("dup-vote-response-counted: a voter counts once", () => {
    const cluster = clusterOf(raft, 5);
    cluster.step("a", { kind: "campaign" });
    for (const from of ["b", "b", "b"]) {
      receive(cluster, "a", from, { kind: "preVoteResponse", term: 1, granted: true });
    }
    assert.equal(inspect(cluster, "a").role, "preCandidate");
    receive(cluster, "a", "c", { kind: "preVoteResponse", term: 1, granted: true });
    cluster.persist("a");
    for (const from of ["b", "b", "b"]) {
      receive(cluster, "a", from, { kind: "voteResponse", term: 1, granted: true });
    }
    assert.equal(inspect(cluster, "a").role, "candidate");
  });

  test("lastlogid-vector-compare: the last term decides before the length", () => {
    const cluster = clusterOf(raft, 3, {
      restored: () => ({
        state: { term: 2, vote: "", commit: 0 } as never,
        entries: [entry(1, 1), entry(2, 2)],
      }),
    });
    const ask = {
      kind: "voteRequest",
      term: 3,
      lastIndex: 7,
      lastTerm: 1,
      transfer: false,
    } as const;
    receive(cluster, "a", "b", ask);
    assert.equal(inspect(cluster, "a").vote, "");
  });

  test("prevote-lower-term-stuck: members of different terms find each other again", () => {
    const logs: Record<MemberId, number> = { a: 1, b: 5, c: 1 };
    const cluster = clusterOf(raft, 3, {
      core: { random: randomOf(7) },
      restored: (id) => ({ state: { term: logs[id]!, vote: "", commit: 0 } as never }),
    });
    cluster.crash("c");
    cluster.elapse(80);
    assert.notEqual(cluster.leader(), undefined);
  });

  test("prevote-vs-checkquorum: a leader of an earlier term gives way to a stranded later one", () => {
    const cluster = led();
    // c got into a later term all alone (an old version, an operator's doing).
    cluster.crash("c");
    cluster.at("c").disk.state = { term: 9, vote: "c", commit: 1 };
    cluster.restart("c");
    propose(cluster, "a", "x");
    cluster.elapse(100);
    const leader = cluster.leader()!;
    assert(inspect(cluster, leader).term > 9);
    for (const id of ["a", "b", "c"]) assert.equal(inspect(cluster, id).leader, leader);
    assert(inspect(cluster, "c").commitIndex >= 3);
  });

  test("prevote-refuses-old-leader: whoever was leader may ask like anybody else", () => {
    const cluster = led();
    cluster.crash("c");
    cluster.crash("a");
    cluster.restart("a");
    // b heard a as leader a moment ago, and a is the only one who can be voted for with b.
    cluster.step("a", { kind: "campaign" });
    cluster.stabilize();
    assert.equal(cluster.leader(), "a");
  });

  test("prevote-then-partition: a vote that cannot be won does not make the term climb", () => {
    const cluster = clusterOf(raft, 3);
    cluster.step("a", { kind: "campaign" });
    receive(cluster, "a", "b", { kind: "preVoteResponse", term: 1, granted: true });
    cluster.isolate("a");
    cluster.letters = [];
    for (let i = 0; i < 500; i++) cluster.tick("a");
    assert.equal(inspect(cluster, "a").term, 1);
  });

  test("simultaneous-boot: members that start together agree within a few timeouts", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = clusterOf(raft, 5, { core: { random: randomOf(seed) } });
      cluster.elapse(40);
      assert.notEqual(cluster.leader(), undefined, `seed ${seed}`);
    }
    // Even when every draw is the same, one goes first.
    const same = clusterOf(raft, 5);
    same.elapse(40);
    assert.notEqual(same.leader(), undefined);
  });

  test("starved-loop-term-storm: no number of messages counts as time", () => {
    const cluster = led();
    const notice = { kind: "commitNotice", term: 1, commitIndex: 1 } as const;
    for (let i = 0; i < 1000; i++) receive(cluster, "b", "a", notice);
    assert.equal(inspect(cluster, "b").role, "follower");
    // Nor do refused calls for votes.
    for (let i = 0; i < 1000; i++) {
      receive(cluster, "b", "c", {
        kind: "preVoteRequest",
        term: 2,
        lastIndex: 0,
        lastTerm: 0,
        priority: 1,
      });
    }
    const { role, term } = inspect(cluster, "b");
    assert.deepEqual({ role, term }, { role: "follower", term: 1 });
  });

  test("partial-partition-flap: one that lost only its leader disturbs nobody (Cloudflare 2020)", () => {
    const cluster = led();
    cluster.cut("a", "c");
    cluster.cut("c", "a");
    cluster.elapse(300);
    assert.deepEqual([cluster.leader(), inspect(cluster, "a").term], ["a", 1]);
  });

  test("quorum-loss: only a member that reaches a quorum leads, and it is found", () => {
    const cluster = led(5, { core: { random: randomOf(3) } });
    // Everybody is connected to c alone.
    const names = [...cluster.machines.keys()];
    for (const from of names) {
      for (const to of names) if (from !== "c" && to !== "c") cluster.cut(from, to);
    }
    cluster.elapse(150);
    assert.equal(cluster.leader(), "c");
  });

  test("chained: a - b - c with a leading loses its quorum of nobody and stays", () => {
    const cluster = led();
    cluster.cut("a", "c");
    cluster.cut("c", "a");
    propose(cluster, "a", "x");
    cluster.elapse(100);
    assert.equal(inspect(cluster, "a").commitIndex, 2);
  });

  test("a hang-up never replaces a leader that a majority hears", () => {
    const cluster = led();
    for (let i = 0; i < 20; i++) {
      cluster.step("b", { kind: "disconnected", peer: "a" });
      cluster.elapse(3);
    }
    assert.deepEqual([cluster.leader(), inspect(cluster, "a").term], ["a", 1]);
  });

  test("a hang-up of a dead leader leads to another within a heartbeat or two", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const core = { electionTicks: 100, heartbeatTicks: 10, random: randomOf(seed) };
      const cluster = led(3, { core });
      cluster.elapse(20);
      cluster.crash("a");
      cluster.step("b", { kind: "disconnected", peer: "a" });
      cluster.elapse(1 + (seed % 4));
      cluster.step("c", { kind: "disconnected", peer: "a" });
      cluster.elapse(22);
      assert.notEqual(cluster.leader(), undefined, `seed ${seed}`);
    }
  });

  test("of two that look for a new leader the one that goes first need not wait for a timeout", () => {
    const cluster = led();
    cluster.crash("a");
    cluster.step("c", { kind: "disconnected", peer: "a" });
    cluster.tick("c", 4);
    cluster.stabilize();
    // b still trusted its leader and refused; now it looks as well, and c may ask it again.
    assert.equal(cluster.leader(), undefined);
    cluster.step("b", { kind: "disconnected", peer: "a" });
    cluster.tick("b", 4);
    cluster.stabilize();
    assert.equal(cluster.leader(), "c");
  });

  test("who would go first but reaches no quorum is not in the way for long", () => {
    const cluster = clusterOf(raft, 5, { core: { random: randomOf(11) } });
    cluster.crash("d");
    cluster.crash("e");
    cluster.cut("b", "c");
    cluster.cut("c", "b");
    cluster.step("b", { kind: "campaign" });
    cluster.elapse(200);
    assert.equal(cluster.leader(), "a");
  });

  test("under a lease a hang-up waits for the end of the promise", () => {
    const cluster = led(3, { core: { reads: "lease", electionTicks: 100 } });
    cluster.elapse(4);
    cluster.crash("a");
    cluster.step("b", { kind: "disconnected", peer: "a" });
    cluster.step("c", { kind: "disconnected", peer: "a" });
    cluster.elapse(90);
    assert.equal(cluster.leader(), undefined);
    cluster.elapse(60);
    assert.notEqual(cluster.leader(), undefined);
  });

  test("a member of higher priority gets the lead; one of priority 0 never asks for it", () => {
    const cluster = led(3, { priorities: { a: 1, b: 5, c: 0 } });
    cluster.elapse(60);
    assert.equal(cluster.leader(), "b");
    cluster.crash("a");
    cluster.crash("b");
    cluster.elapse(100);
    const { role, leaderless } = cluster.at("c").core.status();
    assert.equal(role, "follower");
    assert.equal(leaderless, "priority 0: never campaigns, waits to hear a leader");
  });
});

describe("log and commit rule", () => {
  test("truncate-after-prevlog: a late, shorter append deletes nothing", () => {
    const cluster = led();
    cluster.tick("a", 0);
    propose(cluster, "a", "x");
    const [early] = cluster.letters.filter(({ to }) => to === "b");
    propose(cluster, "a", "y");
    cluster.stabilize();
    cluster.deliver(early!);
    cluster.stabilize();
    assert.equal(inspect(cluster, "b").entries.length, 3);
  });

  test("commit-before-durable: no acknowledgement leaves before the entries are on disk", () => {
    const cluster = led();
    propose(cluster, "a", "x");
    const letters = cluster.letters;
    cluster.letters = [];
    for (const letter of letters) cluster.deliver(letter);
    assert.deepEqual(cluster.letters, []);
    cluster.persist("b");
    assert.equal(cluster.letters.length, 1);
  });

  test("a second copy of an append is not acknowledged before the first is on disk", () => {
    const cluster = led();
    propose(cluster, "a", "x");
    const [letter] = cluster.letters.filter(({ to }) => to === "b");
    cluster.letters = [];
    cluster.deliver(letter!);
    cluster.deliver(letter!);
    assert.deepEqual(cluster.letters, []);
  });

  test("inaccurate ACK: what was acknowledged in a turn that ends with its loss is not said", () => {
    const cluster = led(5);
    const first = {
      kind: "appendRequest",
      term: 1,
      previousIndex: 1,
      previousTerm: 1,
      commitIndex: 1,
      entries: [entry(2, 1), entry(3, 1)],
    } as const;
    const second = { ...first, term: 2, entries: [entry(2, 2)] } as const;
    // Both come in one turn: entry 3 of term 1 never reaches the disk.
    const effects = cluster.step(
      "b",
      { kind: "receive", from: "a", message: first },
      { kind: "receive", from: "c", message: second },
    );
    assert.deepEqual(waiting(effects as RaftEffect[]), [
      { kind: "appendResponse", term: 2, matchIndex: 2 },
    ]);
  });

  test("truncate ABA: a write of entries that were replaced since does not make the new ones durable", () => {
    const cluster = led(5);
    const message = {
      kind: "appendRequest",
      term: 1,
      previousIndex: 1,
      previousTerm: 1,
      commitIndex: 1,
      entries: [entry(2, 1), entry(3, 1)],
    } as const;
    receive(cluster, "b", "a", message);
    const replaced = [entry(2, 2), entry(3, 2)];
    receive(cluster, "b", "c", { ...message, term: 2, entries: replaced, commitIndex: 3 });
    cluster.persist("b");
    const after = inspect(cluster, "b");
    assert.deepEqual([after.durableIndex, after.applySentIndex], [1, 1]);
    cluster.persist("b");
    assert.equal(inspect(cluster, "b").durableIndex, 3);
  });

  test("truncate-not-durable-but-vote-is: truncation, entries and term are one write", () => {
    const cluster = led(5);
    receive(cluster, "b", "a", {
      kind: "appendRequest",
      term: 1,
      previousIndex: 1,
      previousTerm: 1,
      commitIndex: 1,
      entries: [entry(2, 1)],
    });
    const effects = receive(cluster, "b", "c", {
      kind: "appendRequest",
      term: 2,
      previousIndex: 1,
      previousTerm: 1,
      commitIndex: 1,
      entries: [entry(2, 2)],
    });
    assert.deepEqual(
      effects.filter((effect) => effect.kind === "persist"),
      [
        {
          kind: "persist",
          sequence: 4,
          state: { term: 2, vote: "", commit: 1 },
          truncateFrom: 2,
          entries: [entry(2, 2)],
          thenSend: [{ to: "c", message: { kind: "appendResponse", term: 2, matchIndex: 2 } }],
        },
      ],
    );
  });

  test("commit-without-voters: learners, however many, commit nothing", () => {
    const membership = membershipOf(["a", "b", "c"], ["d", "e", "f", "g"]);
    const cluster = new Cluster(raft, { membership });
    cluster.step("a", { kind: "campaign" });
    cluster.stabilize();
    cluster.crash("b");
    cluster.crash("c");
    propose(cluster, "a", "x");
    cluster.stabilize();
    assert.equal(inspect(cluster, "a").commitIndex, 1);
  });

  test("commit on NACK: a refusal moves no match, and neither does one past the log's end", () => {
    const cluster = led();
    propose(cluster, "a", "x");
    cluster.persist("a");
    receive(cluster, "a", "b", {
      kind: "appendRefusal",
      term: 1,
      previousIndex: 2,
      hintIndex: 2,
      hintTerm: 1,
    });
    receive(cluster, "a", "b", { kind: "appendResponse", term: 1, matchIndex: 99 });
    assert.equal(inspect(cluster, "a").commitIndex, 1);
  });

  test("pipeline-wedge: a follower whose messages were lost gets them again without new ones", () => {
    const cluster = led();
    for (const text of ["x", "y", "z"]) propose(cluster, "a", text);
    cluster.letters = cluster.letters.filter(({ to }) => to !== "c");
    cluster.elapse(6);
    assert.equal(inspect(cluster, "c").commitIndex, 4);
  });

  test("a lost commit notice is made good by the next heartbeat", () => {
    const cluster = led();
    propose(cluster, "a", "x");
    cluster.stabilize();
    propose(cluster, "a", "y");
    while (inspect(cluster, "a").commitIndex < 3) {
      const letters = cluster.letters;
      cluster.letters = [];
      for (const letter of letters) cluster.deliver(letter);
      for (const id of ["a", "b", "c"]) cluster.persist(id);
    }
    cluster.letters = [];
    assert.equal(inspect(cluster, "b").commitIndex, 2);
    cluster.elapse(2);
    assert.equal(inspect(cluster, "b").commitIndex, 3);
  });

  test("overloaded: what is not committed is bounded, one entry of any size is allowed", () => {
    const cluster = led(3, { core: { limits: { uncommittedBytesMax: 10 } } });
    for (const id of ["b", "c"]) cluster.isolate(id);
    propose(cluster, "a", "a payload that is longer than ten bytes", "x");
    const kinds = cluster.answers.map(({ effect }) => effect.kind);
    assert.deepEqual(kinds, ["accepted", "rejected"]);
    cluster.heal();
    cluster.elapse(6);
    propose(cluster, "a", "x");
    assert.equal(cluster.answers[2]?.effect.kind, "accepted");
  });
});

describe("apply, snapshot, recovery", () => {
  test("reapply-last-entry-on-restart: what the store has is not applied again", () => {
    const cluster = led();
    propose(cluster, "a", "x", "y");
    cluster.stabilize();
    for (const id of ["a", "b", "c"]) cluster.crash(id);
    for (const id of ["a", "b", "c"]) cluster.restart(id);
    cluster.elapse(60);
    // The cluster asserts that each index is applied once and in order.
    assert.deepEqual(
      cluster.at("b").applied.map(({ index }) => index),
      [1, 2, 3, 4],
    );
  });

  test("restarted-follower-waits-too-long: it knows what was committed without a leader", () => {
    const cluster = led();
    propose(cluster, "a", "x");
    cluster.stabilize();
    propose(cluster, "a", "y");
    cluster.stabilize();
    cluster.crash("b");
    const { disk } = cluster.at("b");
    const base = { index: 0, epoch: 0, proposer: "", membership: membershipOf(["a", "b", "c"]) };
    const core = raft.create(
      { id: "b", heartbeatTicks: 2, electionTicks: 10, tickMs: 10, random: () => 0 },
      { state: disk.state, base, entries: disk.entries, applied: 0 },
    );
    const effects = core.effects();
    assert.deepEqual(
      effects.map((effect) => effect.kind === "apply" && effect.entries.map((e) => e.index)),
      [[1, 2]],
    );
  });

  test("a log ahead of the state (a torn last write) counts for the term", () => {
    const core = raft.create(
      { id: "b", heartbeatTicks: 2, electionTicks: 10, tickMs: 10, random: () => 0 },
      {
        state: { term: 1, vote: "c", commit: 0 },
        base: { index: 0, epoch: 0, proposer: "", membership: membershipOf(["a", "b", "c"]) },
        entries: [entry(1, 3)],
        applied: 0,
      },
    );
    const { term, vote } = core.inspect() as RaftInspection;
    assert.deepEqual({ term, vote }, { term: 3, vote: "" });
  });

  /** c is behind a compacted log and has been offered a snapshot. */
  function behind(): RaftCluster {
    const cluster = led();
    cluster.isolate("c");
    propose(cluster, "a", "x", "y", "z");
    cluster.stabilize();
    cluster.compact("a");
    cluster.heal();
    for (let i = 0; cluster.snapshots.length === 0; i++) {
      assert(i < 100, "no snapshot was asked for");
      if (cluster.letters.length === 0) cluster.tick("a");
      const letters = cluster.letters;
      cluster.letters = [];
      for (const letter of letters) cluster.deliver(letter);
      for (const id of ["a", "b", "c"]) while (cluster.persist(id));
    }
    return cluster;
  }

  test("install-snapshot-races-apply: nothing is applied, taken or campaigned for meanwhile", () => {
    const cluster = behind();
    cluster.sendSnapshot();
    assert.equal(inspect(cluster, "c").installingAt, 4);
    receive(cluster, "c", "a", { kind: "heartbeatRequest", term: 1, commitIndex: 9, round: 99 });
    const effects = receive(cluster, "c", "a", {
      kind: "appendRequest",
      term: 1,
      previousIndex: 4,
      previousTerm: 1,
      commitIndex: 5,
      entries: [entry(5, 1)],
    });
    assert.deepEqual(effects, []);
    for (let i = 0; i < 60; i++) cluster.tick("c");
    assert.equal(inspect(cluster, "c").role, "follower");
    cluster.install("c");
    cluster.stabilize();
    cluster.elapse(10);
    assert.deepEqual([inspect(cluster, "c").commitIndex, cluster.at("c").store.index], [4, 4]);
  });

  test("a crash before the snapshot is in place leaves the old log, and it is offered again", () => {
    const cluster = behind();
    cluster.sendSnapshot();
    cluster.crash("c");
    cluster.restart("c");
    assert.equal(inspect(cluster, "c").commitIndex, 1);
    cluster.elapse(20);
    assert.equal(inspect(cluster, "c").commitIndex, 4);
  });

  test("a snapshot that breaks off is asked for again, but not in a loop", () => {
    const cluster = behind();
    cluster.sendSnapshot(false);
    assert.deepEqual(cluster.snapshots, []);
    cluster.elapse(10);
    assert.equal(inspect(cluster, "c").commitIndex, 4);
  });

  test("old-snapshot-after-recovery: one that is behind changes nothing and says how far it is", () => {
    const cluster = led();
    propose(cluster, "a", "x", "y");
    cluster.stabilize();
    const before = inspect(cluster, "b");
    const point = { index: 2, epoch: 1, proposer: "", membership: membershipOf(["a"]) };
    const effects = cluster.step("b", { kind: "snapshotReceived", from: "a", epoch: 1, point });
    assert.deepEqual(effects, [
      { kind: "send", to: "a", message: { kind: "appendResponse", term: 1, matchIndex: 3 } },
    ]);
    assert.deepEqual(inspect(cluster, "b"), before);
  });

  test("a snapshot of an earlier leader is ignored", () => {
    const cluster = led();
    receive(cluster, "b", "c", { kind: "heartbeatRequest", term: 5, commitIndex: 0, round: 1 });
    const point = { index: 9, epoch: 1, proposer: "", membership: membershipOf(["a"]) };
    const effects = cluster.step("b", { kind: "snapshotReceived", from: "a", epoch: 1, point });
    assert.deepEqual(effects, []);
    assert.equal(inspect(cluster, "b").installingAt, undefined);
  });

  test("a snapshot of an earlier leader makes nobody leader of this term", () => {
    const cluster = led();
    cluster.step("b", { kind: "disconnected", peer: "a" });
    const ask = {
      kind: "voteRequest",
      term: 5,
      lastIndex: 0,
      lastTerm: 0,
      transfer: false,
    } as const;
    receive(cluster, "b", "c", ask);
    const point = { index: 9, epoch: 1, proposer: "", membership: membershipOf(["a"]) };
    assert.deepEqual(
      cluster.step("b", { kind: "snapshotReceived", from: "a", epoch: 1, point }),
      [],
    );
    assert.equal(inspect(cluster, "b").leader, undefined);
  });

  test("a write from before a snapshot, reported late, makes nothing durable after it", () => {
    const cluster = led();
    receive(cluster, "b", "a", {
      kind: "appendRequest",
      term: 1,
      previousIndex: 1,
      previousTerm: 1,
      commitIndex: 1,
      entries: [entry(2, 1), entry(3, 1), entry(4, 1)],
    });
    const point = { index: 2, epoch: 2, proposer: "", membership: membershipOf(["a", "b", "c"]) };
    cluster.step("b", { kind: "snapshotReceived", from: "c", epoch: 2, point });
    cluster.step("b", { kind: "snapshotInstalled", point });
    cluster.step("b", { kind: "persisted", sequence: 3 });
    assert.equal(inspect(cluster, "b").durableIndex, 2);
  });

  test("a log that contains the snapshot's last entry keeps what follows (§7)", () => {
    const cluster = led();
    receive(cluster, "b", "a", {
      kind: "appendRequest",
      term: 1,
      previousIndex: 1,
      previousTerm: 1,
      commitIndex: 1,
      entries: [entry(2, 1), entry(3, 1)],
    });
    cluster.persist("b");
    const point = { index: 2, epoch: 1, proposer: "", membership: membershipOf(["a", "b", "c"]) };
    cluster.step("b", { kind: "snapshotReceived", from: "a", epoch: 1, point });
    const { commitIndex, entries, installingAt } = inspect(cluster, "b");
    assert.deepEqual([commitIndex, entries.length, installingAt], [2, 3, undefined]);
  });

  test("acknowledgements of entries that a snapshot replaces in the same turn are not sent", () => {
    const cluster = led();
    const point = { index: 9, epoch: 1, proposer: "", membership: membershipOf(["a", "b", "c"]) };
    const effects = cluster.step(
      "b",
      {
        kind: "receive",
        from: "a",
        message: {
          kind: "appendRequest",
          term: 1,
          previousIndex: 1,
          previousTerm: 1,
          commitIndex: 1,
          entries: [entry(2, 1)],
        },
      },
      { kind: "snapshotReceived", from: "a", epoch: 1, point },
    );
    assert.deepEqual(
      effects.map((effect) => effect.kind),
      ["persist", "installSnapshot"],
    );
    assert(effects[0]?.kind === "persist");
    assert.deepEqual(effects[0].thenSend, []);
  });

  test("membership-lost-in-snapshot: the membership comes with it", () => {
    const cluster = led(3, { members: ["a", "b", "c", "d"] });
    cluster.step("a", {
      kind: "changeMembership",
      changes: [{ kind: "addLearner", member: "d" }],
      context: bytesOf(""),
      token: 1,
    });
    cluster.cut("a", "d");
    cluster.stabilize();
    cluster.compact("a");
    cluster.heal();
    cluster.elapse(20);
    const { status, disk } = { status: cluster.at("d").core.status(), disk: cluster.at("d").disk };
    assert.deepEqual(status.membership, membershipOf(["a", "b", "c"], ["d"]));
    assert.deepEqual(disk.base.membership, status.membership);
    assert.equal(status.role, "learner");
    // learner-becomes-voter-after-restart
    cluster.crash("d");
    cluster.restart("d");
    assert.equal(cluster.at("d").core.status().role, "learner");
  });
});

describe("membership", () => {
  function change(cluster: RaftCluster, kind: "addVoter" | "promote" | "remove", member: MemberId) {
    cluster.step("a", {
      kind: "changeMembership",
      changes: [{ kind, member }],
      context: bytesOf(""),
      token: 7,
    });
    return cluster.answers[cluster.answers.length - 1]?.effect;
  }

  test("recovered-joint-left-uncommitted: the joint phase ends only after its entry is committed", () => {
    const cluster = led(5);
    for (const id of ["c", "d", "e"]) cluster.isolate(id);
    change(cluster, "remove", "e");
    cluster.elapse(8);
    const { entries, memberships } = inspect(cluster, "a");
    assert.deepEqual([entries.length, memberships.length], [2, 2]);
    assert(isJoint(cluster.at("a").core.status().membership));
  });

  test("concurrent-changes-leave-joint: a second change while joint is refused", () => {
    const cluster = led(5);
    for (const id of ["c", "d", "e"]) cluster.isolate(id);
    change(cluster, "remove", "e");
    const answer = change(cluster, "remove", "d");
    assert(answer?.kind === "rejected" && answer.reason === "membershipChangeInProgress");
  });

  test("removed-peer-still-fed: who is out gets nothing more", () => {
    const cluster = led();
    change(cluster, "remove", "c");
    cluster.stabilize();
    propose(cluster, "a", "x");
    cluster.tick("a", 4);
    assert.deepEqual(
      cluster.letters.filter(({ to }) => to === "c"),
      [],
    );
    assert.deepEqual(
      inspect(cluster, "a").peers.map(({ id }) => id),
      ["b"],
    );
  });

  test("partition-during-membership: two halves never both lead with a quorum", () => {
    const cluster = led(4, { members: ["a", "b", "c", "d", "e"] });
    change(cluster, "addVoter", "e");
    for (const one of ["a", "b"]) {
      for (const other of ["c", "d", "e"]) {
        cluster.cut(one, other);
        cluster.cut(other, one);
      }
    }
    // The cluster asserts one leader per term and one history, all along.
    propose(cluster, "a", "left");
    cluster.elapse(60);
    const leader = cluster.leader();
    if (leader !== undefined) propose(cluster, leader, "right");
    cluster.elapse(60);
    cluster.heal();
    cluster.elapse(100);
    assert.deepEqual(
      cluster.at(cluster.leader()!).core.status().membership,
      membershipOf(
        inspect(cluster, "e").entries.some((e) => e.kind === "membership")
          ? ["a", "b", "c", "d", "e"]
          : ["a", "b", "c", "d"],
      ),
    );
  });

  test("what makes no sense is refused, on the leader and elsewhere", () => {
    const cluster = led();
    const reason = (effect: ReturnType<typeof change>) =>
      effect?.kind === "rejected" ? effect.reason : "";
    assert.equal(reason(change(cluster, "addVoter", "b")), "membershipChangeInvalid");
    assert.equal(reason(change(cluster, "promote", "b")), "membershipChangeInvalid");
    cluster.step("b", {
      kind: "changeMembership",
      changes: [{ kind: "remove", member: "c" }],
      context: bytesOf(""),
      token: 8,
    });
    assert.deepEqual(cluster.answers[cluster.answers.length - 1]?.effect, {
      kind: "rejected",
      token: 8,
      reason: "notLeader",
      leaderHint: "a",
    });
  });
});

describe("joining", () => {
  test("a member that knows no membership waits, and its joining does not depose the leader", () => {
    const nobody = { index: 0, epoch: 0, proposer: "", membership: membershipOf([]) };
    const other = new Cluster(raft, {
      membership: membershipOf(["a"]),
      members: ["a", "b"],
      restored: (id) => (id === "b" ? { base: nobody } : {}),
    });
    other.elapse(60);
    assert.equal(other.at("b").core.status().leaderless, "this member is not in the membership");
    other.step("a", {
      kind: "changeMembership",
      changes: [{ kind: "addVoter", member: "b" }],
      context: bytesOf(""),
      token: 7,
    });
    other.elapse(10);
    assert.deepEqual(other.at("b").core.status().membership, membershipOf(["a", "b"]));
    assert.deepEqual([other.leader(), inspect(other, "a").term], ["a", 1]);
  });
});

describe("what a crash must not mix up", () => {
  test("an answer to a read of the life before is no answer to one of this life", () => {
    const cluster = led(3, { core: { random: randomOf(5) } });
    cluster.step("b", { kind: "read", token: 1 });
    const letters = cluster.letters;
    cluster.letters = [];
    for (const letter of letters) cluster.deliver(letter);
    const rounds = cluster.letters;
    cluster.letters = [];
    for (const letter of rounds) if (letter.to === "c") cluster.deliver(letter);
    const confirmed = cluster.letters;
    cluster.letters = [];
    for (const letter of confirmed) cluster.deliver(letter);
    const late = cluster.letters.filter(({ to }) => to === "b");
    assert.equal(late.length, 1);
    cluster.letters = [];
    cluster.crash("b");
    cluster.restart("b");
    propose(cluster, "a", "x");
    cluster.elapse(6);
    cluster.step("b", { kind: "read", token: 2 });
    for (const letter of late) cluster.deliver(letter);
    cluster.stabilize();
    const ready = cluster.answers.filter(({ effect }) => effect.kind === "readReady");
    assert.deepEqual(
      ready.map(({ effect }) => effect),
      [{ kind: "readReady", token: 2, index: 2 }],
    );
  });

  test("compaction keeps the membership in force at the base, and a restart finds it", () => {
    const cluster = led();
    cluster.step("a", {
      kind: "changeMembership",
      changes: [{ kind: "addLearner", member: "d" }],
      context: bytesOf(""),
      token: 1,
    });
    cluster.stabilize();
    const expected = membershipOf(["a", "b", "c"], ["d"]);
    cluster.compact("b", 2);
    assert.deepEqual(inspect(cluster, "b").memberships, [{ index: 2, membership: expected }]);
    cluster.crash("b");
    cluster.restart("b");
    assert.deepEqual(cluster.at("b").core.status().membership, expected);
  });
});

describe("gray failure", () => {
  test("disk-stall-leader: a leader told to step down hands over to one that is up to date", () => {
    const cluster = led();
    propose(cluster, "a", "x");
    // The leader's own disk never comes back; the others are a majority.
    for (let i = 0; i < 6; i++) {
      const letters = cluster.letters;
      cluster.letters = [];
      for (const letter of letters) cluster.deliver(letter);
      cluster.persist("b");
      cluster.persist("c");
    }
    cluster.step("a", { kind: "stepDown" });
    for (let i = 0; i < 20; i++) {
      const letters = cluster.letters;
      cluster.letters = [];
      for (const letter of letters) cluster.deliver(letter);
      cluster.persist("b");
      cluster.persist("c");
    }
    assert.notEqual(cluster.leader(), "a");
    assert.notEqual(cluster.leader(), undefined);
  });

  test("a leader with nobody to hand over to steps down all the same", () => {
    const cluster = led();
    cluster.isolate("a");
    cluster.elapse(12);
    cluster.step("a", { kind: "stepDown" });
    for (let i = 0; i < 12; i++) cluster.tick("a");
    assert.notEqual(inspect(cluster, "a").role, "leader");
  });

  test("a leader told to step down does so also when the hand-over fails", () => {
    const cluster = led();
    cluster.step("a", { kind: "stepDown" });
    for (let i = 0; i < 10; i++) {
      cluster.tick("a");
      const letters = cluster.letters;
      cluster.letters = [];
      for (const letter of letters) {
        if (raft.decodeMessage(letter.bytes).kind !== "timeoutNow") cluster.deliver(letter);
      }
    }
    assert.equal(inspect(cluster, "a").role, "follower");
  });

  test("why there is no leader is said in words", () => {
    const cluster = clusterOf(raft, 3, { core: { random: () => 0 } });
    const says = () => cluster.at("a").core.status().leaderless;
    assert.equal(says(), "no leader heard; pre-vote in 10 ticks");
    cluster.isolate("a");
    cluster.tick("a", 10);
    assert.equal(says(), "pre-vote: heard from 1 of 3; needs 2");
    receive(cluster, "a", "b", { kind: "preVoteResponse", term: 1, granted: true });
    assert.equal(says(), "vote in term 1: 0 of 3; needs 2");
    receive(cluster, "a", "b", { kind: "heartbeatRequest", term: 1, commitIndex: 0, round: 1 });
    assert.equal(says(), "");
  });
});
