import assert from "node:assert/strict";
import { test } from "node:test";
import { LogError } from "@althing/log";
import { Cluster, putCommand } from "./testing/cluster.ts";

test("disk-stall-leader: a leader whose disk hangs hands over, and may lead again once it answers", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.awaitLeader();
  cluster.settle();
  cluster.node(leader.id).logDisk.isStalled = true;
  leader.propose(putCommand("k", "v"), () => {});
  const moved = () => cluster.leader !== undefined && cluster.leader.id !== leader.id;
  assert.ok(cluster.world.run(1000, moved), "another member leads");
  assert.equal(cluster.put(cluster.awaitLeader(), "k2", "w").kind, "applied");
  assert.ok(leader.status().diskStalledMs > 100);
  cluster.node(leader.id).logDisk.answer();
  cluster.world.run(200);
  assert.equal(leader.status().diskStalledMs, 0);
  assert.equal(cluster.read(leader, "k2"), "w");
  const kinds = cluster.node(leader.id).events.map(({ kind }) => kind);
  assert.ok(kinds.indexOf("leadership.unfit") < kinds.lastIndexOf("leadership.fit"));
});

test("single-node-ack-before-fsync: nothing is acknowledged while its write hangs", () => {
  const cluster = new Cluster({ ids: ["a"] });
  cluster.startAll();
  const leader = cluster.awaitLeader();
  cluster.settle();
  cluster.node("a").logDisk.isStalled = true;
  let applied = false;
  leader.propose(putCommand("k", "v"), (outcome) => {
    applied = outcome.kind === "applied";
  });
  cluster.world.run(3000);
  assert.equal(applied, false);
});

test("sync-fails-once-then-ok: after one failed write nothing is acknowledged, and others lead", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.awaitLeader();
  cluster.settle();
  cluster.node(leader.id).logDisk.memory.inject({ operation: "sync", code: "io" });
  const first = cluster.put(leader, "k", "v");
  assert.equal(first.kind === "failed" && first.error.code, "failed");
  assert.equal(first.kind === "failed" && first.error.outcome, "unknown");
  assert.equal(leader.status().state, "failed");
  const second = cluster.put(leader, "k", "w");
  assert.equal(second.kind === "failed" && second.error.outcome, "notExecuted");
  const next = cluster.awaitLeader();
  assert.notEqual(next.id, leader.id);
  assert.equal(cluster.put(next, "k", "x").kind, "applied");
  let stopped = false;
  leader.stop(() => {
    stopped = true;
  });
  assert.ok(cluster.world.run(1000, () => stopped));
});

test("a full disk fails the member with an error that says so, and its data is whole afterwards", () => {
  const cluster = new Cluster({ ids: ["a"] });
  cluster.startAll();
  const leader = cluster.awaitLeader();
  cluster.put(leader, "k", "v");
  cluster.node("a").logDisk.memory.inject({ operation: "write", code: "full" });
  const answer = cluster.put(leader, "k", "w");
  assert.equal(answer.kind === "failed" && answer.error.code, "failed");
  const failed = cluster.node("a").events.find(({ kind }) => kind === "member.failed");
  assert.ok(failed?.["cause"] instanceof LogError);
  assert.equal(failed["cause"].code, "diskFull");
  cluster.kill("a");
  cluster.start("a");
  assert.equal(cluster.read(cluster.awaitLeader(), "k"), "v");
});

test("a member that failed acknowledges nothing more, not even a write that still ends well", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.awaitLeader();
  cluster.settle();
  const follower = ["a", "b", "c"].find((id) => id !== leader.id)!;
  const node = cluster.node(follower);
  node.logDisk.isStalled = true;
  leader.propose(putCommand("k", "v"), () => {});
  cluster.world.run(20);
  const matchOf = () => leader.status().peers.find((peer) => peer.id === follower)?.match ?? 0;
  const before = matchOf();
  assert.ok(before < leader.status().lastIndex);
  // The part that failed is another one than the log.
  (node.member as unknown as { fail(reason: string, cause: unknown): void }).fail(
    "test",
    undefined,
  );
  node.logDisk.answer();
  cluster.world.run(300);
  assert.equal(matchOf(), before);
});
