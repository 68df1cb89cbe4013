import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Effect, Input, LogPoint, Protocol } from "../contract.ts";
import { gather } from "../invariants/invariants.ts";
import { membershipOf } from "../membership/membership.ts";
import { paxos } from "../paxos/paxos.ts";
import { raft } from "../raft/raft.ts";
import { bytesOf, type Cluster, clusterOf } from "../testing/cluster.ts";
import { entry, Hand } from "../zab/testing/hand.ts";
import { zab } from "../zab/zab.ts";
import { beginInstalling, checkNotInPlace, checkStandsStill, endInstalling } from "./installing.ts";

const protocols = [raft, paxos, zab] as unknown as Protocol[];
const members = membershipOf(["a", "b", "c"]);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function propose(cluster: Cluster, id: string, ...values: string[]): void {
  const proposals = values.map((value, i) => ({ token: i, payload: bytesOf(value) }));
  cluster.step(id, { kind: "propose", proposals });
}

function hangUp(cluster: Cluster, on: string): void {
  for (const id of cluster.machines.keys()) {
    if (id !== on) cluster.step(id, { kind: "disconnected", peer: on });
  }
}

function elect(cluster: Cluster, id: string): void {
  for (let i = 0; i < 20 && cluster.leader() !== id; i++) {
    cluster.step(id, { kind: "campaign" });
    cluster.stabilize({ installs: false });
  }
  assert.equal(cluster.leader(), id);
}

/** The member a led, wrote what nobody else has, and now has the snapshot of b or c to install. */
function installing(protocol: Protocol): Cluster {
  const cluster = clusterOf(protocol, 3);
  elect(cluster, "a");
  propose(cluster, "a", "x");
  cluster.stabilize();
  cluster.isolate("a");
  propose(cluster, "a", "never-1", "never-2", "never-3");
  while (cluster.persist("a"));
  cluster.letters = [];
  hangUp(cluster, "a");
  for (let i = 0; i < 60 && cluster.at("b").core.status().leader !== "b"; i++) {
    cluster.nowMs += 10;
    for (const id of ["b", "c"]) cluster.tick(id);
    if (i % 20 === 0) cluster.step("b", { kind: "campaign" });
    cluster.stabilize();
  }
  propose(cluster, "b", "p1", "p2", "p3", "p4");
  cluster.stabilize();
  for (const id of ["b", "c"]) cluster.compact(id);
  cluster.heal();
  for (let i = 0; i < 80 && cluster.at("a").installs.length === 0; i++) {
    cluster.nowMs += 10;
    for (const id of cluster.machines.keys()) cluster.tick(id);
    cluster.stabilize({ installs: false });
  }
  assert.equal(cluster.at("a").installs.length, 1, "a has a snapshot to install");
  return cluster;
}

for (const protocol of protocols) {
  describe(`${protocol.name}: while a snapshot is being installed`, () => {
    test("another leader is elected, and a crash brings back the log as it was", () => {
      const cluster = installing(protocol);
      const before = cluster.at("a").core.status();
      const epoch = cluster.at("c").core.status().epoch;
      cluster.isolate("b");
      hangUp(cluster, "b");
      cluster.step("c", { kind: "campaign" });
      for (let i = 0; i < 60 && cluster.at("c").core.status().epoch === epoch; i++) {
        cluster.nowMs += 10;
        for (const id of ["a", "c"]) cluster.tick(id);
        cluster.stabilize({ installs: false });
      }
      assert(cluster.at("c").core.status().epoch > epoch, "the others have moved on");
      const during = cluster.at("a").core.status();
      assert.equal(during.commitIndex, before.commitIndex);
      assert.equal(during.lastIndex, before.lastIndex);
      cluster.crash("a");
      cluster.restart("a");
      const applied = cluster.at("a").applied.map(({ payload }) => text(payload));
      assert(!applied.some((value) => value.startsWith("never")), applied.join());
      cluster.heal();
      cluster.elapse(80);
      const { index } = cluster.at("a").store;
      assert.equal(index, cluster.at("b").store.index);
      assert(index > before.lastIndex);
    });

    test("a crash between the store and the log leaves a member that goes on from the snapshot", () => {
      const cluster = installing(protocol);
      assert(cluster.crashInInstall("a"));
      cluster.restart("a");
      assert(cluster.at("a").core.status().appliedIndex > 4);
      cluster.elapse(80);
      assert.equal(cluster.at("a").store.index, cluster.at("b").store.index);
    });

    test("a leader that dies meanwhile is replaced, and the member follows the next one from there", () => {
      const cluster = installing(protocol);
      const leader = cluster.leader()!;
      const other = leader === "b" ? "c" : "b";
      cluster.crash(leader);
      hangUp(cluster, leader);
      // In the midst of an election, or after it, as the protocol needs this member's log for it or not.
      for (let i = 0; i < 25; i++) {
        cluster.nowMs += 10;
        for (const id of ["a", other]) cluster.tick(id);
        cluster.stabilize({ installs: false });
      }
      assert.notEqual(cluster.leader(), "a");
      cluster.install("a");
      cluster.elapse(120);
      const next = cluster.leader();
      assert(next !== undefined, "there is a leader again");
      propose(cluster, next, "after");
      cluster.elapse(10);
      for (const id of ["a", other]) {
        assert(
          cluster.at(id).applied.some(({ payload }) => text(payload) === "after"),
          id,
        );
      }
    });

    test("no election is begun, and nothing is taken into the log", () => {
      const cluster = installing(protocol);
      const { lastIndex, commitIndex } = cluster.at("a").core.status();
      for (let i = 0; i < 3; i++) {
        propose(cluster, cluster.leader()!, `more-${i}`);
        for (let ticks = 0; ticks < 10; ticks++) {
          cluster.nowMs += 10;
          for (const id of cluster.machines.keys()) cluster.tick(id);
          cluster.stabilize({ installs: false });
        }
        cluster.step("a", { kind: "campaign" });
        cluster.stabilize({ installs: false });
        const status = cluster.at("a").core.status();
        assert.deepEqual([status.lastIndex, status.commitIndex], [lastIndex, commitIndex]);
        assert.notEqual(status.role, "candidate");
      }
      cluster.install("a");
      cluster.elapse(60);
      assert.equal(cluster.at("a").store.index, cluster.at(cluster.leader()!).store.index);
    });
  });
}

for (const protocol of [raft, zab] as unknown as Protocol[]) {
  test(`${protocol.name}: a point of a later epoch than its stream's is nobody's store`, () => {
    const cluster = clusterOf(protocol, 3);
    elect(cluster, "a");
    cluster.elapse(20);
    const { epoch } = cluster.at("b").core.status();
    const before = cluster.at("b").core.inspect();
    const point = { index: 9, epoch: epoch + 1, proposer: "", membership: members };
    const effects = cluster.step("b", { kind: "snapshotReceived", from: "a", epoch, point });
    assert.deepEqual(effects, []);
    assert.deepEqual(cluster.at("b").core.inspect(), before);
  });
}

test("zab: nothing is acknowledged that the installation is about to drop", () => {
  const hand = new Hand({ history: [] });
  const first = hand.join("b", 1);
  hand.receive("b", { kind: "snap", ...first, sequence: 1 });
  // Something was lost: a second session, whose ACKEPOCH is lost as well.
  hand.receive("b", { kind: "ping", ...first, sequence: 5, round: 1 });
  const { session } = hand.last("followerInfo", "b");
  assert.notEqual(session, first.session);
  hand.receive("b", { kind: "leaderInfo", session, epoch: 1, isEstablished: true });
  hand.persist();
  hand.sent.length = 0;
  // The stream of the first session has arrived.
  const point = { index: 10, epoch: 1, proposer: "", membership: members };
  hand.core.step({ kind: "snapshotReceived", from: "b", epoch: 1, point }, 0);
  hand.turn();
  const second = { session, epoch: 1 };
  hand.receive("b", { kind: "ping", ...second, sequence: 0, round: 2 });
  hand.persist();
  assert.equal(hand.find("ackEpoch", "b"), undefined);
  assert.deepEqual([hand.last("pong", "b").round, hand.last("pong", "b").index], [2, 0]);
  const feed = { commitIndex: 10, previousIndex: 10, entries: [entry(11, 1)] };
  hand.receive("b", { kind: "diff", ...second, sequence: 1, agreedIndex: 10 });
  hand.receive("b", { kind: "proposal", ...second, sequence: 2, ...feed });
  hand.receive("b", { kind: "newLeader", ...second, sequence: 3, lastIndex: 11 });
  hand.persist();
  for (const kind of ["ack", "ackNewLeader"] as const) {
    assert.equal(hand.find(kind, "b"), undefined, kind);
  }
  hand.core.step({ kind: "snapshotInstalled", point }, 0);
  hand.turn();
  assert.notEqual(hand.last("followerInfo", "b").session, session);
  assert.equal(hand.state.durableIndex, 10);
});

test("paxos: slots that were accepted beyond the point count at once when it is in place", () => {
  const slot = (index: number) => ({ ...entry(index, 2), proposer: "b" });
  const core = paxos.create(
    { id: "a", heartbeatTicks: 2, electionTicks: 10, tickMs: 10, random: () => 0.5 },
    {
      state: { round: 2, proposer: "b", commit: 1, prepareQuorum: 0, acceptQuorum: 0 },
      base: { index: 0, epoch: 0, proposer: "", membership: members },
      entries: [slot(1), slot(4), slot(5)],
      applied: 1,
    },
  );
  const run = (input: Input<never>): Effect<unknown, unknown>[] => {
    core.step(input, 0);
    return core.effects();
  };
  const ballot = { round: 2, proposer: "b" };
  const heartbeat = { kind: "heartbeatRequest", ballot, round: 1, commitIndex: 5 };
  run({ kind: "receive", from: "b", message: heartbeat } as never);
  const point: LogPoint = { index: 3, epoch: 2, proposer: "b", membership: members };
  run({ kind: "snapshotReceived", from: "b", epoch: 2, point });
  const effects = run({ kind: "snapshotInstalled", point });
  const { durableIndex, receivedIndex, commitIndex } = core.inspect();
  assert.deepEqual([durableIndex, receivedIndex, commitIndex], [5, 5, 5]);
  const applied = effects.flatMap((effect) => (effect.kind === "apply" ? effect.entries : []));
  assert.deepEqual(
    applied.map(({ index }) => index),
    [4, 5],
  );
});

test("a checker that finds nothing is no checker: each property is broken once", () => {
  const list = [entry(3, 1), entry(4, 1)];
  const whole = { installingAt: 9, baseIndex: 2, commitIndex: 3, applySentIndex: 3, entries: list };
  type State = typeof whole;
  const alone = (change: Partial<State>) =>
    gather("a", (must) => checkNotInPlace({ ...whole, ...change }, must)).map((v) => v.property);
  assert.deepEqual(alone({}), []);
  assert.deepEqual(alone({ commitIndex: 9 }), ["installing-is-not-committed"]);
  assert.deepEqual(alone({ baseIndex: 9 }), ["installing-is-not-in-log"]);
  const after = (change: Partial<State>) =>
    gather("a", (must) => checkStandsStill(whole, { ...whole, ...change }, must)).map(
      (v) => v.property,
    );
  assert.deepEqual(after({}), []);
  assert.deepEqual(after({ baseIndex: 3, entries: list.slice(1) }), []);
  assert.deepEqual(after({ commitIndex: 4 }), ["installing-learns-nothing"]);
  assert.deepEqual(after({ applySentIndex: 2 }), ["installing-applies-nothing"]);
  assert.deepEqual(after({ entries: [...list, entry(5, 1)] }), ["installing-takes-nothing"]);
  assert.deepEqual(after({ entries: [list[0]!, entry(4, 2)] }), ["installing-takes-nothing"]);
});

test("a snapshot other than the one that is being installed ends nothing", () => {
  const point: LogPoint = { index: 9, epoch: 1, proposer: "b", membership: members };
  const self = { outbox: { snapshots: [] }, commitIndex: 3, installing: undefined };
  const member = self as unknown as Parameters<typeof beginInstalling>[0];
  assert.equal(endInstalling(member, point), undefined);
  beginInstalling(member, "b", point);
  assert.equal(endInstalling(member, { ...point, index: 8 }), undefined);
  assert.deepEqual(member.installing, { from: "b", point });
  assert.deepEqual(endInstalling(member, point), { from: "b", point });
  assert.equal(member.installing, undefined);
});
