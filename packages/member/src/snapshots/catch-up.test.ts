import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "../testing/cluster.ts";
import { behind, caughtUp, count, options } from "../testing/late-member.ts";

test("a member behind the compacted log catches up by snapshot and log", () => {
  const { cluster, late } = behind();
  cluster.start(late);
  caughtUp(cluster, late);
  assert.equal(count(cluster.node(late), "snapshot.installed"), 1);
  cluster.kill(late);
  cluster.start(late);
  caughtUp(cluster, late);
  assert.equal(count(cluster.node(late), "snapshot.installed"), 1);
});

test("it catches up while the cluster serves", () => {
  const { cluster, late } = behind();
  cluster.start(late);
  for (let i = 0; i < 20; i++) cluster.putMany(cluster.awaitLeader(), 100, "more");
  caughtUp(cluster, late);
  const { length } = cluster.node(late).events.filter(({ kind }) => kind === "snapshot.installed");
  assert.ok(length <= 2, `${length} snapshots`);
});

test("restore-swap-then-fail: a crash between store and log finds the snapshot and follows it", () => {
  const { cluster, late } = behind();
  cluster.start(late);
  const node = cluster.node(late);
  // The log's disk hangs as soon as the whole snapshot is there: the store moves, the log cannot.
  const received = () => count(node, "snapshot.received") === 1;
  assert.ok(cluster.world.run(10_000, received));
  const point = Number(node.events.find(({ kind }) => kind === "snapshot.received")!["index"]);
  const installed = () => cluster.member(late).stateMachine.appliedIndex === point;
  assert.ok(cluster.world.run(10_000, installed));
  node.logDisk.isStalled = true;
  assert.equal(count(node, "snapshot.installed"), 0);
  cluster.kill(late);
  node.logDisk.isStalled = false;
  node.events.length = 0;
  cluster.start(late);
  assert.equal(count(node, "log.followed"), 1);
  caughtUp(cluster, late);
  assert.equal(count(node, "snapshot.installed"), 0);
});

test("membership-lost-in-snapshot: the membership in force comes with the snapshot", () => {
  const cluster = new Cluster(options);
  cluster.startAll();
  const leader = cluster.calm();
  cluster.addNode("d");
  let added: unknown = "no answer";
  leader.changeMembership([{ kind: "addLearner", member: "d" }], new Uint8Array(0), (error) => {
    added = error;
  });
  assert.ok(cluster.world.run(1000, () => added !== "no answer"));
  assert.equal(added, undefined);
  cluster.world.run(500);
  for (let i = 0; i < 6; i++) cluster.putMany(leader, 100);
  cluster.start("d");
  cluster.settle();
  const installed = () => count(cluster.node("d"), "snapshot.installed") === 1;
  assert.ok(cluster.world.run(1000, installed));
  assert.deepEqual(cluster.member("d").status().membership, leader.status().membership);
  cluster.kill("d");
  cluster.start("d");
  assert.deepEqual(cluster.member("d").status().membership, leader.status().membership);
  assert.equal(cluster.member("d").status().role, "learner");
});

test("the log is never dropped above what a restart finds in the store", () => {
  const cluster = new Cluster({ ids: ["a"], ...options });
  cluster.startAll();
  const leader = cluster.awaitLeader();
  for (let round = 0; round < 10; round++) {
    cluster.putMany(leader, 70);
    assert.ok(leader.status().firstIndex - 1 <= leader.stateMachine.durable().index);
  }
  assert.ok(leader.status().firstIndex > 1);
  cluster.kill("a");
  cluster.start("a");
  assert.equal(cluster.read(cluster.awaitLeader(), "many3"), "x".repeat(10));
});

test("lagging-replica-loops-state-sync: a follower that still follows is never cut off from the log", () => {
  const cluster = new Cluster(options);
  cluster.startAll();
  const leader = cluster.calm();
  const slow = cluster.follower().id;
  // It hears the leader and answers, but takes in one entry in many turns.
  let passed = 0;
  cluster.filter = (_from, to, message) => {
    const body = (message as { message?: { entries?: readonly unknown[] } }).message;
    return to !== slow || (body?.entries?.length ?? 0) === 0 || passed++ % 20 === 0;
  };
  for (let i = 0; i < 10; i++) cluster.putMany(leader, 100);
  assert.ok(cluster.member(slow).stateMachine.appliedIndex < leader.stateMachine.appliedIndex);
  cluster.filter = () => true;
  cluster.settle();
  assert.equal(count(cluster.node(slow), "snapshot.received"), 0);
});

test("install-snapshot-races-apply: what is applied while a snapshot arrives never goes back", () => {
  const { cluster, late } = behind();
  const member = cluster.start(late);
  // Judged below: the member outlives a listener that throws.
  const told: number[] = [];
  member.onApplied((index) => told.push(index));
  // The stream is slow: the log's own tail is applied meanwhile, and writes go on.
  let held = 0;
  cluster.filter = (_from, _to, message) => message.kind !== "snapshotAck" || held++ % 3 !== 1;
  for (let i = 0; i < 10; i++) cluster.putMany(cluster.awaitLeader(), 50, "more");
  caughtUp(cluster, late);
  assert.equal(count(cluster.node(late), "member.failed"), 0);
  assert.deepEqual(
    told,
    told.toSorted((one, other) => one - other),
  );
  assert.equal(told.at(-1), cluster.awaitLeader().stateMachine.appliedIndex);
});

test("a log that cannot follow the snapshot ends the member, and the next start follows it", () => {
  const { cluster, late } = behind();
  cluster.start(late);
  const node = cluster.node(late);
  assert.ok(cluster.world.run(10_000, () => count(node, "snapshot.received") === 1));
  node.logDisk.memory.inject({ operation: "sync", code: "io", times: 100 });
  const failed = () => cluster.member(late).status().state === "failed";
  assert.ok(cluster.world.run(10_000, failed));
  assert.equal(count(node, "snapshot.installed"), 0);
  node.logDisk.memory.clearFaults();
  cluster.kill(late);
  cluster.start(late);
  caughtUp(cluster, late);
});
