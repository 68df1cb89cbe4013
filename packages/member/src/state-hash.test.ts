// What a member does about a state that differs, without anybody above it who would tell the others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { membershipOf } from "@althing/consensus";
import { StateHashes } from "./state-hash.ts";
import { Cluster, type TestMember } from "./testing/cluster.ts";
import type { Turn } from "./turn.ts";

const corrupt = (cluster: Cluster) =>
  [...cluster.nodes.values()]
    .filter(({ member }) => member!.status().state === "corrupt")
    .map(({ id }) => id);

function damage({ stateMachine }: TestMember): void {
  const honest = stateMachine.stateHash.bind(stateMachine);
  stateMachine.stateHash = () => ({ index: honest().index, hash: honest().hash ^ 1 });
}

test("a leader whose state differs fences itself, and another leads on", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const odd = cluster.awaitLeader();
  cluster.settle();
  damage(odd);
  cluster.putMany(odd, 64);
  assert.ok(cluster.world.run(5000, () => corrupt(cluster).length > 0));
  assert.deepEqual(corrupt(cluster), [odd.id]);
  const moved = () => cluster.leader !== undefined && cluster.leader.id !== odd.id;
  assert.ok(cluster.world.run(5000, moved));
  assert.equal(cluster.put(cluster.awaitLeader(), "k", "v").kind, "applied");
  const answer = cluster.put(odd, "k", "v");
  assert.equal(answer.kind === "failed" && answer.error.code, "corrupt");
});

test("members that agree fence nobody", () => {
  const cluster = new Cluster();
  cluster.startAll();
  cluster.putMany(cluster.awaitLeader(), 200);
  cluster.world.run(5000);
  assert.deepEqual(corrupt(cluster), []);
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
