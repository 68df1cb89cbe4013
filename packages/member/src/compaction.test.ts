// How short the log may get: never above what a restart finds in the store, nor above what somebody that is
// there still builds on; and nobody that is away holds it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "./testing/cluster.ts";

const options = { member: { snapshotCount: 50, catchUpEntries: 5 } };

function bases(cluster: Cluster, id: string): number[] {
  const compacted = cluster.node(id).events.filter(({ kind }) => kind === "log.compacted");
  return compacted.map(({ index }) => Number(index));
}

test("what is applied while the store becomes durable stays in the log", () => {
  const cluster = new Cluster({ ids: ["a"], ...options });
  cluster.startAll();
  const member = cluster.calm();
  const { storeDisk } = cluster.node("a");
  storeDisk.isStalled = true;
  cluster.putMany(member, 60, "before");
  cluster.putMany(member, 60, "meanwhile");
  const applied = member.stateMachine.appliedIndex;
  storeDisk.answer();
  assert.ok(cluster.world.run(2000, () => bases(cluster, "a").length > 0));
  const durable = member.stateMachine.durable().index;
  const [base] = bases(cluster, "a");
  assert.ok(base! <= durable && durable < applied, `${base} of ${durable}, applied ${applied}`);
  cluster.kill("a");
  const again = cluster.start("a");
  cluster.calm();
  assert.ok(again.stateMachine.appliedIndex >= applied);
});

test("the tail that is kept is as long as was asked for", () => {
  const cluster = new Cluster({ ids: ["a"], ...options });
  cluster.startAll();
  const member = cluster.calm();
  const before = member.stateMachine.appliedIndex;
  cluster.putMany(member, 50);
  cluster.world.run(100);
  assert.deepEqual(bases(cluster, "a"), [before + 50 - 5]);
  // Not at every turn: as many again have to be applied first.
  cluster.putMany(member, 49);
  cluster.world.run(100);
  assert.equal(bases(cluster, "a").length, 1);
  cluster.putMany(member, 1);
  cluster.world.run(100);
  assert.deepEqual(bases(cluster, "a"), [before + 50 - 5, before + 100 - 5]);
});

test("a follower that is there but lags is not sent back to a snapshot; one that is away holds nothing", () => {
  const cluster = new Cluster(options);
  cluster.startAll();
  const leader = cluster.calm();
  const lagging = cluster.follower();
  // Its disk takes nothing for a moment: it answers heartbeats, and acknowledges nothing.
  cluster.node(lagging.id).logDisk.isStalled = true;
  cluster.putMany(leader, 60);
  cluster.world.run(30);
  const reached = lagging.stateMachine.appliedIndex;
  for (const base of bases(cluster, leader.id)) assert.ok(base <= reached, `${base} > ${reached}`);
  cluster.node(lagging.id).logDisk.answer();
  cluster.settle();
  assert.equal(
    cluster.node(lagging.id).events.some(({ kind }) => kind === "snapshot.installed"),
    false,
  );
  cluster.kill(lagging.id);
  cluster.world.run(2000);
  const before = leader.stateMachine.appliedIndex;
  cluster.putMany(cluster.awaitLeader(), 120);
  cluster.world.run(500);
  assert.ok(bases(cluster, cluster.awaitLeader().id).at(-1)! > before);
});
