// A store whose disk takes nothing any more ends its member, whether anybody writes or not; a disk that does not
// take something once does not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryEngine, openStore } from "@althing/store";
import type { ProposeOutcome } from "./contract.ts";
import { Cluster, putCommand } from "./testing/cluster.ts";

function startAll(ids?: readonly string[]): { cluster: Cluster; failures: Map<string, Error> } {
  const cluster = new Cluster(ids === undefined ? {} : { ids });
  const failures = new Map<string, Error>();
  for (const [id, node] of cluster.nodes) {
    const engine = createMemoryEngine({ storage: node.storeDisk.memory });
    Object.defineProperty(engine, "failure", { get: () => failures.get(id) });
    cluster.start(id, { stateMachine: openStore({ engine }) });
  }
  return { cluster, failures };
}

function codeOf(outcome: ProposeOutcome): string {
  if (outcome.kind === "applied") return "applied";
  return `${outcome.error.code} ${outcome.error.outcome}`;
}

test("a leader whose store has failed fails at once, although nobody writes, and another leads", () => {
  const { cluster, failures } = startAll();
  const leader = cluster.calm();
  failures.set(leader.id, new Error("the disk is full"));
  cluster.world.run(20);
  assert.equal(leader.status().state, "failed");
  assert.equal(leader.status().role, "follower");
  const failed = cluster.node(leader.id).events.filter(({ kind }) => kind === "member.failed");
  assert.deepEqual(
    failed.map(({ cause }) => cause),
    [failures.get(leader.id)],
  );
  const next = cluster.awaitLeader();
  assert.notEqual(next.id, leader.id);
  assert.equal(codeOf(cluster.put(next, "k", "v")), "applied");
});

test("what was in the log when the store failed is unknown; what comes after was not done", () => {
  const { cluster, failures } = startAll(["a"]);
  const leader = cluster.calm();
  const answers: string[] = [];
  leader.propose(putCommand("k", "v"), (outcome) => answers.push(codeOf(outcome)));
  // It is proposed, and its write is under way.
  cluster.world.run(0);
  failures.set(leader.id, new Error("the disk is full"));
  leader.propose(putCommand("late", "v"), (outcome) => answers.push(codeOf(outcome)));
  cluster.world.run(100);
  leader.propose(putCommand("later", "v"), (outcome) => answers.push(codeOf(outcome)));
  cluster.world.run(100);
  assert.deepEqual(answers, ["overloaded notExecuted", "failed unknown", "failed notExecuted"]);
  // And indeed: it was.
  failures.clear();
  cluster.kill("a");
  cluster.start("a");
  const again = cluster.awaitLeader();
  assert.equal(cluster.read(again, "k"), "v");
  assert.equal(cluster.read(again, "late"), undefined);
});

test("a checkpoint that the disk did not take once is taken later, and the member serves on", () => {
  const cluster = new Cluster({ ids: ["a"], member: { snapshotCount: 100, catchUpEntries: 10 } });
  cluster.startAll();
  const leader = cluster.calm();
  const { events, storeDisk } = cluster.node("a");
  storeDisk.memory.inject({ operation: "write", code: "full" });
  cluster.putMany(leader, 150);
  cluster.world.run(100);
  assert.deepEqual(
    events.filter(({ kind }) => kind === "store.notDurable").map(({ level }) => level),
    ["warn"],
  );
  assert.equal(leader.status().firstIndex, 1, "the log is kept for what is not durable");
  cluster.putMany(leader, 150);
  cluster.world.run(100);
  assert.ok(leader.status().firstIndex > 100);
  assert.equal(leader.status().state, "running");
});
