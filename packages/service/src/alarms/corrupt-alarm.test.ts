import assert from "node:assert/strict";
import { test } from "node:test";
import type { Store } from "@althing/store";
import { ServiceCluster } from "../testing/service-cluster.ts";

/** The store as it is, but for a hash that went another way. */
function damage(store: Store): void {
  const honest = store.stateHash.bind(store);
  store.stateHash = () => ({ index: honest().index, hash: honest().hash ^ 1 });
}

const corrupt = (cluster: ServiceCluster) =>
  [...cluster.nodes.values()]
    .filter(({ member }) => member!.status().state === "corrupt")
    .map(({ id }) => id);

const alarms = (cluster: ServiceCluster, on: string) => cluster.member(on).stateMachine.alarms();

test("a follower whose state differs is fenced and the alarm names it", () => {
  const cluster = new ServiceCluster();
  cluster.startAll();
  const leader = cluster.awaitLeader();
  const odd = cluster.follower();
  cluster.settle();
  damage(odd.stateMachine);
  cluster.putMany(leader, 64);
  assert.ok(cluster.world.run(5000, () => corrupt(cluster).length > 0));
  assert.deepEqual(corrupt(cluster), [odd.id]);
  const raised = () => alarms(cluster, leader.id).length > 0;
  assert.ok(cluster.world.run(5000, raised));
  assert.deepEqual(alarms(cluster, leader.id), [{ member: odd.id, alarm: "corrupt" }]);
  const answer = cluster.put(odd, "k", "v");
  assert.equal(answer.kind === "failed" && answer.error.code, "corrupt");
  assert.equal((cluster.read(odd, "k") as { code: string }).code, "corrupt");
});

test("minority-bitflip-majority-loss: an odd leader gives up leadership and the others go on", () => {
  const cluster = new ServiceCluster();
  cluster.startAll();
  const odd = cluster.awaitLeader();
  cluster.settle();
  damage(odd.stateMachine);
  cluster.putMany(odd, 64);
  assert.ok(cluster.world.run(5000, () => corrupt(cluster).length > 0));
  assert.deepEqual(corrupt(cluster), [odd.id]);
  // It fences itself: it does not wait for an alarm, least of all for one of its own.
  assert.deepEqual(alarms(cluster, odd.id), []);
  const moved = () => cluster.leader !== undefined && cluster.leader.id !== odd.id;
  assert.ok(cluster.world.run(5000, moved));
  const raised = () => alarms(cluster, cluster.awaitLeader().id).length > 0;
  assert.ok(cluster.world.run(5000, raised));
  assert.deepEqual(alarms(cluster, cluster.awaitLeader().id), [
    { member: odd.id, alarm: "corrupt" },
  ]);
});

test("members that agree raise nothing, and the fence holds after a restart", () => {
  const cluster = new ServiceCluster();
  cluster.startAll();
  const leader = cluster.awaitLeader();
  const odd = cluster.follower().id;
  cluster.putMany(leader, 200);
  cluster.world.run(5000);
  assert.deepEqual(corrupt(cluster), []);
  const events = [...cluster.nodes.values()].flatMap((node) => node.events);
  assert.equal(events.filter(({ kind }) => kind === "stateHash.differs").length, 0);
  damage(cluster.member(odd).stateMachine);
  cluster.putMany(leader, 64);
  assert.ok(cluster.world.run(5000, () => alarms(cluster, odd).length > 0));
  cluster.kill(odd);
  cluster.start(odd);
  assert.ok(cluster.world.run(5000, () => corrupt(cluster).length > 0));
});
