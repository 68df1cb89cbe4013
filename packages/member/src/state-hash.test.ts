import assert from "node:assert/strict";
import { test } from "node:test";
import { membershipOf } from "@althing/consensus";
import type { Store } from "@althing/store";
import { StateHashes } from "./state-hash.ts";
import { Cluster } from "./testing/cluster.ts";
import type { Turn } from "./turn.ts";

/** The store as it is, but for a hash that went another way. */
function damage(store: Store): void {
  const honest = store.stateHash.bind(store);
  store.stateHash = () => ({ index: honest().index, hash: honest().hash ^ 1 });
}

const corrupt = (cluster: Cluster) =>
  [...cluster.nodes.values()]
    .filter(({ member }) => member!.status().state === "corrupt")
    .map(({ id }) => id);

const alarms = (cluster: Cluster, on: string) => cluster.member(on).store.alarms();

test("a follower whose state differs is fenced and the alarm names it", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.awaitLeader();
  const odd = cluster.follower();
  cluster.settle();
  damage(odd.store);
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
  const cluster = new Cluster();
  cluster.startAll();
  const odd = cluster.awaitLeader();
  cluster.settle();
  damage(odd.store);
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
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.awaitLeader();
  const odd = cluster.follower().id;
  cluster.putMany(leader, 200);
  cluster.world.run(5000);
  assert.deepEqual(corrupt(cluster), []);
  const events = [...cluster.nodes.values()].flatMap((node) => node.events);
  assert.equal(events.filter(({ kind }) => kind === "stateHash.differs").length, 0);
  damage(cluster.member(odd).store);
  cluster.putMany(leader, 64);
  assert.ok(cluster.world.run(5000, () => alarms(cluster, odd).length > 0));
  cluster.kill(odd);
  cluster.start(odd);
  assert.ok(cluster.world.run(5000, () => corrupt(cluster).length > 0));
});

/** One member's hashes, among voters that only claim. */
function alone(voters: readonly string[]) {
  const membership = membershipOf(voters);
  const world = { nowMs: 0, told: [] as string[] };
  const turn = {
    id: voters[0],
    core: { status: () => ({ membership }) },
    ports: { clock: { monotonicMs: () => world.nowMs } },
    observe: () => {},
    send: (to: string, { index, hash }: { index: number; hash: number }) => {
      world.told.push(`${to} ${index} ${hash}`);
    },
  };
  const hashes = new StateHashes(turn as unknown as Turn);
  return { world, hashes, odd: () => hashes.oddMembers(membership) };
}

test("a claim of an index that is yet to be applied here is compared when it is", () => {
  const { world, hashes, odd } = alone(["a", "b", "c"]);
  hashes.receive("b", 16, 7);
  hashes.receive("c", 32, 8);
  assert.equal(hashes.disputed, false);
  hashes.record(16, 5);
  hashes.applied(16);
  assert.equal(hashes.disputed, true, "16 differs");
  assert.deepEqual(world.told, ["b 16 5", "c 16 5"]);
  assert.deepEqual(odd(), [], "two claims of three voters, and they differ");
  hashes.receive("c", 16, 7);
  assert.deepEqual(odd(), ["a"]);
  hashes.record(32, 8);
  hashes.applied(32);
  assert.equal(world.told.length, 2, "32 agrees");
});

test("half of the voters are no majority, and who does not vote decides nothing", () => {
  const { hashes, odd } = alone(["a", "b", "c", "d"]);
  hashes.record(16, 1);
  hashes.receive("b", 16, 2);
  hashes.receive("c", 16, 1);
  hashes.receive("d", 16, 2);
  hashes.receive("learner", 16, 2);
  assert.deepEqual(odd(), []);
  hashes.receive("d", 16, 1);
  assert.deepEqual(odd(), ["b", "learner"]);
});

test("the newest hash is told about once a second, and a dispute is over after half a minute", () => {
  const { world, hashes } = alone(["a", "b"]);
  const tickAt = (nowMs: number) => {
    world.nowMs = nowMs;
    hashes.tick(nowMs, ["a", "b", "c"]);
    return world.told.splice(0);
  };
  hashes.record(16, 1);
  assert.deepEqual(tickAt(999), []);
  assert.deepEqual(tickAt(1000), ["b 16 1", "c 16 1"]);
  assert.deepEqual(tickAt(5000), [], "nothing new");
  hashes.record(32, 2);
  hashes.record(48, 3);
  assert.deepEqual(tickAt(5001), ["b 48 3", "c 48 3"]);
  hashes.receive("b", 48, 4);
  assert.equal(hashes.disputed, true);
  tickAt(5001 + 29_999);
  assert.equal(hashes.disputed, true);
  tickAt(5001 + 30_000);
  assert.equal(hashes.disputed, false);
});

test("a state that was replaced disputes nothing of the one before", () => {
  const { hashes } = alone(["a", "b"]);
  hashes.record(16, 1);
  hashes.receive("b", 32, 9);
  hashes.receive("b", 16, 2);
  hashes.reset();
  assert.equal(hashes.disputed, false);
  hashes.record(32, 3);
  hashes.applied(32);
  assert.equal(hashes.disputed, false, "what was claimed of 32 is forgotten");
  hashes.receive("b", 16, 2);
  assert.equal(hashes.disputed, false, "so is what was recorded of 16");
});
