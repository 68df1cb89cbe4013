// The claims of "Zab: High-performance broadcast for primary-backup systems" (Junqueira, Reed, Serafini
// 2011; sections by number), of Zab 1.0 as ZooKeeper runs it ("Zab1.0", phases 0 to 3), and of its fast
// leader election ("FLE"), that one member or a few can show: a test each. It is long because a reader
// looks for all of them in one place.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MemberId } from "../contract.ts";
import { membershipOf } from "../membership/membership.ts";
import { bytesOf, type Cluster, type ClusterOptions, clusterOf } from "../testing/cluster.ts";
import { randomOf } from "../testing/random-run.ts";
import type { ZabState } from "./durable-state.ts";
import type { ZabInspection } from "./inspect.ts";
import type { MessageKind, ZabMessage } from "./messages.ts";
import { agreedWith } from "./synchronization.ts";
import { entry, Hand, looks, voteFor } from "./testing/hand.ts";
import { compareHistories, isBetterVote } from "./vote.ts";
import { zab } from "./zab.ts";

type ZabCluster = Cluster<ZabMessage, ZabState>;

function led(count = 3, options: Partial<ClusterOptions> = {}): ZabCluster {
  const cluster = clusterOf(zab, count, options);
  cluster.step("a", { kind: "campaign" });
  cluster.stabilize();
  assert.equal(cluster.leader(), "a");
  return cluster;
}

function propose(cluster: ZabCluster, id: MemberId, ...payloads: string[]): void {
  const proposals = payloads.map((text, i) => ({ token: 1000 + i, payload: bytesOf(text) }));
  cluster.step(id, { kind: "propose", proposals });
}

function inspect(cluster: ZabCluster, id: MemberId): ZabInspection {
  return cluster.at(id).core.inspect() as ZabInspection;
}

function texts(cluster: ZabCluster, id: MemberId): string[] {
  return cluster.at(id).applied.map(({ payload }) => new TextDecoder().decode(payload));
}

/** Kinds under way, from one member to another. */
function underWay(cluster: ZabCluster, from: MemberId, to: MemberId): MessageKind[] {
  return cluster.letters
    .filter((letter) => letter.from === from && letter.to === to)
    .map((letter) => zab.decodeMessage(letter.bytes).kind);
}

describe("atomic broadcast properties (§III)", () => {
  test("integrity, total order, agreement: all deliver the same, once, in one order", () => {
    const cluster = led(5);
    for (const text of ["1", "2", "3", "4"]) propose(cluster, "a", text);
    cluster.stabilize();
    for (const id of ["a", "b", "c", "d", "e"]) {
      assert.deepEqual(texts(cluster, id), ["1", "2", "3", "4"]);
    }
  });

  test("local primary order: what one primary broadcasts is delivered in its order", () => {
    const cluster = led(3, { core: { limits: { messageBytesMax: 1, messagesInFlightMax: 1 } } });
    propose(cluster, "a", "1", "2", "3");
    propose(cluster, "a", "4");
    cluster.stabilize();
    assert.deepEqual(texts(cluster, "c"), ["1", "2", "3", "4"]);
  });

  test("global primary order: of two primaries, the earlier one's come first, or not at all", () => {
    const cluster = led();
    propose(cluster, "a", "kept");
    cluster.stabilize();
    cluster.isolate("a");
    propose(cluster, "a", "lost 1", "lost 2");
    cluster.elapse(30);
    const next = cluster.leader();
    assert(next !== undefined && next !== "a");
    propose(cluster, next, "new");
    cluster.heal();
    cluster.elapse(30);
    for (const id of ["a", "b", "c"]) assert.deepEqual(texts(cluster, id), ["kept", "new"]);
  });

  test("primary integrity: a primary broadcasts only after it delivered all that came before", () => {
    const cluster = led();
    cluster.step("a", { kind: "propose", proposals: [{ token: 1, payload: bytesOf("x") }] });
    // It reaches the disks of b and c, and nobody learns that it is committed.
    for (const letter of cluster.letters.splice(0)) cluster.deliver(letter);
    for (const id of ["b", "c"]) while (cluster.persist(id));
    cluster.crash("a");
    cluster.letters = [];
    cluster.elapse(30);
    const next = cluster.leader()!;
    const { commitIndex, initialIndex } = inspect(cluster, next);
    assert.deepEqual({ commitIndex, initialIndex }, { commitIndex: 1, initialIndex: 1 });
    assert.deepEqual(texts(cluster, next), ["x"]);
  });

  test("a member refuses proposals unless it is an established primary", () => {
    const cluster = clusterOf(zab, 3);
    cluster.step("a", { kind: "campaign" });
    propose(cluster, "a", "too early");
    const [answer] = cluster.answers.slice(-1);
    assert.equal(answer?.effect.kind === "rejected" && answer.effect.reason, "notLeader");
  });
});

describe("phase 1, discovery (§IV, Zab1.0)", () => {
  test("the new epoch is later than any that a quorum accepted", () => {
    const accepted: Record<MemberId, number> = { a: 2, b: 7, c: 4 };
    const cluster = clusterOf(zab, 3, {
      restored: (id) => ({
        state: { acceptedEpoch: accepted[id]!, currentEpoch: 0, commit: 0 } as never,
      }),
    });
    cluster.elapse(5);
    const leader = cluster.leader();
    assert(leader !== undefined);
    assert.equal(inspect(cluster, leader).epoch, 8);
  });

  test("a prospective leader has no epoch before a quorum has spoken", () => {
    const cluster = clusterOf(zab, 5);
    cluster.isolate("d");
    cluster.isolate("e");
    cluster.step("a", { kind: "campaign" });
    for (let i = 0; i < 40 && inspect(cluster, "a").role !== "leading"; i++) {
      for (const id of ["a", "b", "c"]) cluster.tick(id);
      const letters = cluster.letters.splice(0);
      for (const letter of letters) {
        if (zab.decodeMessage(letter.bytes).kind !== "followerInfo") cluster.deliver(letter);
      }
    }
    assert.deepEqual([inspect(cluster, "a").role, inspect(cluster, "a").epoch], ["leading", 0]);
  });

  test("a follower accepts a later epoch, and acknowledges it with its history", () => {
    const hand = new Hand({ history: [1, 1, 2], acceptedEpoch: 3, currentEpoch: 2, commit: 1 });
    const { session } = hand.join("c", 4);
    assert.deepEqual(hand.last("ackEpoch", "c"), {
      kind: "ackEpoch",
      session,
      epoch: 4,
      counts: true,
      currentEpoch: 2,
      lastEpoch: 2,
      lastIndex: 3,
      commitIndex: 1,
      ends: [
        { epoch: 2, lastIndex: 3 },
        { epoch: 1, lastIndex: 2 },
      ],
    });
  });

  test("an epoch accepted before does not count again (Zab1.0 phase 1)", () => {
    const hand = new Hand({ acceptedEpoch: 4 });
    hand.join("c", 4);
    assert.equal(hand.last("ackEpoch").counts, false);
  });

  test("a follower does not go back to an earlier epoch", () => {
    const hand = new Hand({ acceptedEpoch: 4 });
    hand.join("c", 3);
    assert.equal(hand.find("ackEpoch"), undefined);
    assert.deepEqual([hand.state.role, hand.state.acceptedEpoch], ["looking", 4]);
  });

  test("a leader that finds a follower ahead of it gives up (Zab1.0: StateSummary)", () => {
    const hand = prospective({ history: [1] });
    const { session } = hand;
    hand.hand.persist();
    const ahead = { currentEpoch: 1, lastEpoch: 1, lastIndex: 2, commitIndex: 0 };
    const ends = [{ epoch: 1, lastIndex: 2 }];
    const epoch = 2;
    hand.hand.receive("b", { kind: "ackEpoch", session, epoch, counts: true, ...ahead, ends });
    assert.equal(hand.hand.state.role, "looking");
  });

  test("a leader takes in who promised a later epoch only by a still later one", () => {
    const cluster = led();
    cluster.crash("c");
    const { disk } = cluster.at("c");
    disk.state = { acceptedEpoch: 6, currentEpoch: 1, commit: 0 };
    cluster.restart("c");
    cluster.elapse(60);
    const leader = cluster.leader()!;
    assert.equal(inspect(cluster, leader).epoch, 7);
    assert(["a", "b", "c"].every((id) => inspect(cluster, id).currentEpoch === 7));
  });
});

describe("phase 2, synchronization (§IV, Zab1.0)", () => {
  test("a leader has a quorum's promises, its own on disk, before it sends anything", () => {
    const { hand, session } = prospective();
    const info = { currentEpoch: 0, lastEpoch: 0, lastIndex: 0, commitIndex: 0, ends: [] };
    assert.equal(hand.find("leaderInfo"), undefined);
    hand.persist();
    assert.equal(hand.last("leaderInfo", "b").epoch, 1);
    assert.equal(hand.find("diff"), undefined);
    hand.receive("b", { kind: "ackEpoch", session, epoch: 1, counts: true, ...info });
    assert.equal(hand.last("diff", "b").agreedIndex, 0);
  });

  test("a leader is established, and its history committed, by a quorum of ACKs to NEWLEADER", () => {
    const { hand, session } = prospective({ history: [1, 1] });
    hand.persist();
    const info = { currentEpoch: 1, lastEpoch: 1, lastIndex: 1, commitIndex: 0 };
    const ends = [{ epoch: 1, lastIndex: 1 }];
    const epoch = 2;
    hand.receive("b", { kind: "ackEpoch", session, epoch, counts: true, ...info, ends });
    assert.equal(hand.last("newLeader").lastIndex, 2);
    hand.receive("b", { kind: "ackNewLeader", session, epoch, index: 2 });
    // Its own disk is one of the quorum, and has not answered yet.
    assert.equal(hand.state.commitIndex, 0);
    hand.persist();
    const { phase, commitIndex } = hand.state;
    assert.deepEqual({ phase, commitIndex }, { phase: "broadcast", commitIndex: 2 });
    assert.equal(hand.last("upToDate", "b").commitIndex, 2);
  });

  test("what a follower acknowledged before NEWLEADER counts for nothing until then", () => {
    const cluster = led(3);
    cluster.isolate("c");
    cluster.elapse(1);
    propose(cluster, "a", "x");
    cluster.stabilize();
    cluster.heal();
    cluster.cut("a", "b");
    cluster.cut("b", "a");
    propose(cluster, "a", "y");
    cluster.tick("c", 12);
    for (let letter = cluster.letters.shift(); letter; letter = cluster.letters.shift()) {
      if (zab.decodeMessage(letter.bytes).kind === "newLeader") continue;
      cluster.deliver(letter);
      for (const id of ["a", "b", "c"]) while (cluster.persist(id));
    }
    assert.equal(inspect(cluster, "c").entries.length, 2);
    assert.equal(inspect(cluster, "a").commitIndex, 1);
  });

  test("DIFF: a follower is sent what it lacks", () => {
    const log = { history: [1, 1, 2], commitIndex: 1 };
    assert.equal(agreement(log, [1, 1]), 2);
    assert.equal(agreement(log, [1, 1, 2]), 3);
  });

  test("TRUNC: what no later leader has is dropped, also across epochs, and nothing else is", () => {
    const log = { history: [1, 1, 3, 3], commitIndex: 1 };
    assert.equal(agreement(log, [1, 1, 1, 1]), 2);
    assert.equal(agreement(log, [1, 1, 2]), 2);
    assert.equal(agreement(log, [1, 1, 3, 3, 3]), 4);
    assert.equal(agreement(log, [1, 2, 2]), 1);
  });

  test("TRUNC never reaches what a follower has in common with the leader (all histories)", () => {
    // Each leader builds on some history there was, and adds what only it proposes.
    const random = randomOf(11);
    const histories: number[][] = [[]];
    const some = () => {
      const whole = histories[Math.floor(random() * histories.length)]!;
      return whole.slice(0, Math.floor(random() * (whole.length + 1)));
    };
    for (let epoch = 1; epoch < 60; epoch++) {
      histories.push([...some(), ...Array(1 + Math.floor(random() * 3)).fill(epoch)]);
    }
    let common = 0;
    for (let run = 0; run < 1000; run++) {
      const [one, other] = [some(), some()];
      for (common = 0; common < one.length && one[common] === other[common]; ) common++;
      assert.equal(agreement({ history: one, commitIndex: 0 }, other), common, `${one} / ${other}`);
    }
  });

  test("SNAP: a follower behind the leader's log is sent the state instead", () => {
    const cluster = led();
    cluster.isolate("c");
    propose(cluster, "a", "1", "2", "3");
    cluster.stabilize();
    cluster.compact("a");
    cluster.heal();
    cluster.elapse(40);
    assert.equal(cluster.at("c").store.index, 3);
    assert.equal(inspect(cluster, "c").baseIndex, 3);
    propose(cluster, "a", "4");
    cluster.stabilize();
    assert.deepEqual(texts(cluster, "c"), ["4"]);
  });

  test("a follower serves, and delivers, only after UPTODATE", () => {
    const hand = new Hand();
    const inSession = hand.join("c", 1);
    hand.receive("c", { kind: "diff", ...inSession, sequence: 1, agreedIndex: 0 });
    hand.receive("c", { kind: "newLeader", ...inSession, sequence: 2, lastIndex: 0 });
    hand.persist();
    assert.equal(hand.core.status().leader, undefined);
    hand.receive("c", { kind: "upToDate", ...inSession, sequence: 3, commitIndex: 0 });
    assert.equal(hand.core.status().leader, "c");
  });
});

describe("phase 3, broadcast (§IV)", () => {
  test("a proposal is committed by a quorum of disks, the leader's being one of them", () => {
    const cluster = led();
    propose(cluster, "a", "x");
    for (const letter of cluster.letters.splice(0)) cluster.deliver(letter);
    while (cluster.persist("b"));
    for (const letter of cluster.letters.splice(0)) cluster.deliver(letter);
    assert.equal(inspect(cluster, "a").commitIndex, 0);
    while (cluster.persist("a"));
    assert.equal(inspect(cluster, "a").commitIndex, 1);
    assert.deepEqual(underWay(cluster, "a", "b"), ["commit"]);
  });

  test("all proposals of a turn are one message, and one ACK answers it", () => {
    const cluster = led();
    propose(cluster, "a", "x", "y", "z");
    assert.deepEqual(underWay(cluster, "a", "b"), ["proposal"]);
    for (const letter of cluster.letters.splice(0)) cluster.deliver(letter);
    while (cluster.persist("b"));
    assert.deepEqual(underWay(cluster, "b", "a"), ["ack"]);
  });

  test("transactions of an earlier leader are not taken once a later epoch is accepted", () => {
    const hand = new Hand();
    const before = hand.join("c", 3);
    hand.receive("c", { kind: "diff", ...before, sequence: 1, agreedIndex: 0 });
    hand.tick(10);
    hand.receive("b", {
      kind: "notification",
      round: 9 * 2 ** 20,
      state: "leading",
      epoch: 4,
      vote: voteFor("b"),
    });
    const { session } = hand.last("followerInfo", "b");
    hand.receive("b", { kind: "leaderInfo", session, epoch: 4, isEstablished: false });
    const late = { kind: "proposal", ...before, sequence: 2, commitIndex: 0 } as const;
    hand.receive("c", { ...late, previousIndex: 0, entries: [entry(1, 3)] });
    assert.deepEqual(hand.state.entries, []);
  });

  test("a follower that joins at work gets the history and then the proposals, in one stream", () => {
    const cluster = led();
    cluster.crash("c");
    propose(cluster, "a", "1", "2");
    cluster.stabilize();
    cluster.restart("c");
    propose(cluster, "a", "3");
    cluster.elapse(15);
    propose(cluster, "a", "4");
    cluster.elapse(3);
    assert.deepEqual(texts(cluster, "c"), ["1", "2", "3", "4"]);
  });

  test("observers are informed of what is committed, and of nothing else", () => {
    const cluster = clusterOf(zab, 3, {
      membership: membershipOf(["a", "b", "c"], ["d"]),
      members: ["a", "b", "c", "d"],
    });
    cluster.step("a", { kind: "campaign" });
    cluster.elapse(5);
    propose(cluster, "a", "x");
    assert.deepEqual(underWay(cluster, "a", "d"), []);
    cluster.elapse(3);
    assert.deepEqual(texts(cluster, "d"), ["x"]);
    assert.equal(cluster.at("d").core.status().role, "learner");
    // And they are no part of a quorum.
    cluster.isolate("b");
    cluster.isolate("c");
    propose(cluster, "a", "y");
    cluster.stabilize();
    assert.equal(inspect(cluster, "a").commitIndex, 1);
  });

  test("a leader without a quorum of followers gives up", () => {
    const cluster = led();
    cluster.isolate("a");
    cluster.tick("a", 20);
    assert.equal(inspect(cluster, "a").role, "looking");
  });

  test("a follower that hears nothing of its leader looks for another", () => {
    const cluster = led();
    cluster.crash("a");
    cluster.tick("b", 10);
    assert.equal(inspect(cluster, "b").role, "looking");
  });

  test("a connection that breaks makes a follower look at the next tick, unless it heals", () => {
    const cluster = led();
    for (const id of ["b", "c"]) cluster.step(id, { kind: "disconnected", peer: "a" });
    cluster.step("a", { kind: "connected", peer: "c" });
    cluster.letters = cluster.letters.filter((letter) => letter.to === "c");
    cluster.stabilize();
    for (const id of ["b", "c"]) cluster.tick(id);
    assert.deepEqual(
      [inspect(cluster, "b").role, inspect(cluster, "c").role],
      ["looking", "following"],
    );
  });

  test("sync: a read is answered after a quorum confirmed the leader", () => {
    const cluster = led();
    propose(cluster, "a", "x");
    cluster.stabilize();
    cluster.isolate("a");
    cluster.step("a", { kind: "read", token: 5 });
    cluster.stabilize();
    const answered = () => cluster.answers.some(({ effect }) => effect.kind === "readReady");
    assert.equal(answered(), false);
    cluster.heal();
    cluster.elapse(3);
    cluster.step("b", { kind: "read", token: 6 });
    cluster.stabilize();
    assert.equal(answered(), true);
  });
});

describe("fast leader election (FLE)", () => {
  test("a vote is compared by epoch, then zxid, then preference, then id", () => {
    const base = voteFor("b", { currentEpoch: 2, lastEpoch: 2, lastIndex: 5 });
    const better = [
      voteFor("a", { currentEpoch: 3, lastEpoch: 1, lastIndex: 1 }),
      voteFor("a", { currentEpoch: 2, lastEpoch: 3, lastIndex: 1 }),
      voteFor("a", { currentEpoch: 2, lastEpoch: 2, lastIndex: 6 }),
      { ...base, leader: "a", isPreferred: true },
      { ...base, leader: "a", priority: 2 },
      { ...base, leader: "c" },
    ];
    for (const vote of better) {
      assert(isBetterVote(vote, base));
      assert(!isBetterVote(base, vote));
    }
    assert(!isBetterVote(base, base));
  });

  test("a zxid is compared by epoch first, however long the history", () => {
    const short = { currentEpoch: 3, lastEpoch: 3, lastIndex: 2 };
    const long = { currentEpoch: 3, lastEpoch: 2, lastIndex: 9 };
    assert(compareHistories(short, long) > 0);
  });

  test("a member changes over to the better vote, and tells everybody", () => {
    const hand = new Hand({ history: [1] });
    hand.turn();
    const round = hand.state.round;
    const best = voteFor("b", { currentEpoch: 1, lastEpoch: 1, lastIndex: 2 });
    hand.receive("b", looks(best, round));
    assert.deepEqual(hand.last("notification", "c").vote, best);
    hand.receive("c", looks(voteFor("c"), round));
    assert.deepEqual(hand.last("notification", "c").vote, best);
  });

  test("a later round makes the votes of earlier ones void; an earlier one is answered", () => {
    const hand = new Hand();
    hand.turn();
    hand.receive("b", looks(voteFor("b"), 5));
    assert.equal(hand.state.round, 5);
    hand.sent.length = 0;
    hand.receive("c", looks(voteFor("c"), 4));
    assert.deepEqual(
      hand.sent.map(({ to, message }) => [to, message.kind === "notification" && message.round]),
      [["c", 5]],
    );
    assert.equal(hand.last("notification").vote?.leader, "b");
  });

  test("a quorum of one mind waits a moment for a better vote, and acts (finalize wait)", () => {
    const hand = new Hand();
    hand.turn();
    hand.receive("b", looks(voteFor("b"), 0));
    assert.equal(hand.state.role, "looking");
    hand.tick(1);
    hand.receive("c", looks(voteFor("c", { lastEpoch: 1, lastIndex: 1 }), 0));
    hand.tick(1);
    // The wait began anew with the better vote.
    assert.equal(hand.state.role, "looking");
    hand.tick(1);
    assert.deepEqual([hand.state.role, hand.state.leader], ["following", "c"]);
  });

  test("when every voter has spoken there is nothing to wait for", () => {
    const hand = new Hand();
    hand.turn();
    hand.receive("b", looks(voteFor("c"), 0));
    hand.receive("c", looks(voteFor("c"), 0));
    assert.deepEqual([hand.state.role, hand.state.leader], ["following", "c"]);
  });

  test("who looks is told by those who do not, and joins a leader that has a quorum with it", () => {
    const cluster = led(5);
    cluster.crash("e");
    cluster.restart("e");
    cluster.elapse(2);
    const { role, leader } = inspect(cluster, "e");
    assert.deepEqual({ role, leader }, { role: "following", leader: "a" });
    assert.equal(inspect(cluster, "a").epoch, 1);
  });

  test("followers alone do not make a leader: it must say so itself (checkLeader)", () => {
    const hand = new Hand({ membership: membershipOf(["a", "b", "c", "d", "e"]) });
    hand.turn();
    const vote = voteFor("e");
    for (const from of ["b", "c", "d"]) {
      hand.receive(from, { kind: "notification", round: 7, state: "following", epoch: 1, vote });
    }
    assert.equal(hand.state.role, "looking");
    hand.receive("e", { kind: "notification", round: 7, state: "leading", epoch: 1, vote });
    assert.equal(hand.state.leader, "e");
  });

  test("the member with the latest history leads, whoever is asked first", () => {
    const cluster = clusterOf(zab, 3, {
      restored: (id) => ({
        state: { acceptedEpoch: 1, currentEpoch: 1, commit: 0 } as never,
        entries: id === "b" ? [entry(1, 1), entry(2, 1)] : [entry(1, 1)],
      }),
    });
    cluster.step("c", { kind: "campaign" });
    cluster.elapse(20);
    assert.equal(cluster.leader(), "b");
    assert.equal(inspect(cluster, "c").commitIndex, 2);
  });

  test("epochs are remembered across a crash (§IV, f.p and f.a)", () => {
    const cluster = led();
    cluster.crash("b");
    cluster.restart("b");
    const { acceptedEpoch, currentEpoch } = inspect(cluster, "b");
    assert.deepEqual({ acceptedEpoch, currentEpoch }, { acceptedEpoch: 1, currentEpoch: 1 });
  });
});

describe("what this implementation adds", () => {
  test("transfer: leadership moves to the member named, whatever its id", () => {
    const cluster = led(5);
    for (const to of ["c", "b", "e", "a"]) {
      const from = cluster.leader()!;
      cluster.step(from, { kind: "transferLeadership", to, token: 9 });
      cluster.elapse(5);
      assert.equal(cluster.leader(), to);
      const kinds = cluster.answers.slice(-1).map(({ effect }) => effect.kind);
      assert.deepEqual(kinds, ["transferred"]);
    }
  });

  test("transfer: the target has everything before the old leader gives up", () => {
    const cluster = led();
    cluster.isolate("b");
    propose(cluster, "a", "x");
    cluster.stabilize();
    cluster.step("a", { kind: "transferLeadership", to: "b", token: 9 });
    cluster.stabilize();
    assert.equal(cluster.leader(), "a");
    propose(cluster, "a", "y");
    const [answer] = cluster.answers.slice(-1);
    assert.equal(
      answer?.effect.kind === "rejected" && answer.effect.reason,
      "leadershipTransferInProgress",
    );
  });

  test("stepDown: a member that is not fit to lead hands over and does not stand again soon", () => {
    const cluster = led();
    cluster.step("a", { kind: "stepDown" });
    cluster.elapse(5);
    assert(["b", "c"].includes(cluster.leader()!));
  });

  test("priority: among equals the preferred one leads, but never one that lacks something", () => {
    const cluster = clusterOf(zab, 3, { priorities: { a: 1, b: 5, c: 1 } });
    cluster.elapse(10);
    assert.equal(cluster.leader(), "b");
    cluster.isolate("b");
    cluster.elapse(30);
    propose(cluster, cluster.leader()!, "x");
    cluster.heal();
    cluster.elapse(120);
    assert.equal(cluster.leader(), "b");
    assert.deepEqual(texts(cluster, "b"), ["x"]);
  });

  test("lease: no other epoch is accepted while the promise to the leader stands", () => {
    const options = { core: { reads: "lease" as const } };
    const cluster = led(3, options);
    cluster.elapse(4);
    cluster.cut("a", "b");
    cluster.cut("a", "c");
    for (const id of ["b", "c"]) cluster.step(id, { kind: "campaign" });
    cluster.stabilize();
    assert.deepEqual(
      [inspect(cluster, "b").acceptedEpoch, inspect(cluster, "c").acceptedEpoch],
      [1, 1],
    );
    cluster.elapse(40);
    assert.notEqual(cluster.leader(), "a");
  });

  test("lease: what its leader said before it led, however late it comes, releases no follower", () => {
    const cluster = led(3, { core: { reads: "lease" } });
    for (const other of ["a", "b"]) {
      cluster.cut("c", other);
      cluster.cut(other, "c");
    }
    cluster.elapse(30);
    cluster.heal();
    for (const other of ["b", "c"]) {
      cluster.cut("a", other);
      cluster.cut(other, "a");
    }
    // Before it crashed a had looked in many rounds by itself; since then it counts anew.
    const says: ZabMessage = { ...looks(voteFor("a"), 2 ** 30), epoch: 0 };
    cluster.step("b", { kind: "receive", from: "a", message: says });
    cluster.elapse(7);
    cluster.step("a", { kind: "read", token: 9 });
    assert.equal(cluster.answers.at(-1)?.effect.kind, "readReady", "a reads from its lease");
    assert.equal(inspect(cluster, "b").acceptedEpoch, 1);
    cluster.elapse(60);
    assert.notEqual(cluster.leader(), "a");
  });
});

/** Member a leads a, b and c, has heard of b, and is about to propose an epoch. */
function prospective(options: ConstructorParameters<typeof Hand>[0] = {}) {
  const hand = new Hand(options);
  hand.turn();
  hand.core.step({ kind: "campaign" }, 0);
  hand.turn();
  const { vote, round } = hand.last("notification");
  hand.receive("b", looks(vote, round));
  hand.receive("c", looks(vote, round));
  assert.equal(hand.state.role, "leading");
  const session = 77;
  hand.receive("b", { kind: "followerInfo", session, acceptedEpoch: 0 });
  return { hand, session };
}

/** Where a leader with this history finds that a follower's, of these epochs, still agrees. */
function agreement(
  leader: { readonly history: readonly number[]; readonly commitIndex: number },
  follower: readonly number[],
): number {
  const { commitIndex, history } = leader;
  const hand = new Hand({ history: follower, commit: commitIndex, acceptedEpoch: 98 });
  hand.join("c", 99);
  const base = { index: 0, epoch: 0, proposer: "", membership: membershipOf(["c"]) };
  const options = { id: "c", heartbeatTicks: 1, electionTicks: 10, tickMs: 10, random: () => 0 };
  const entries = history.map((epoch, i) => entry(i + 1, epoch));
  const core = zab.create(options, { state: undefined, base, entries, applied: 0 });
  const state = core.inspect() as ZabInspection;
  const log = {
    baseIndex: 0,
    lastIndex: state.entries.length,
    epochAt: (index: number) => (index === 0 ? 0 : state.entries[index - 1]?.epoch),
    lastIndexWithEpochAtMost: (epoch: number, upTo: number) => {
      let index = Math.min(upTo, state.entries.length);
      while (index > 0 && state.entries[index - 1]!.epoch > epoch) index--;
      return index;
    },
  };
  return agreedWith(log, hand.last("ackEpoch"));
}
