// A store whose disk does not keep up holds back what would fill the memory, and nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryEngine, openStore } from "@althing/store";
import type { MemberError, ProposeOutcome } from "./contract.ts";
import { Cluster, putCommand } from "./testing/cluster.ts";

const slow = 1024 * 1024 * 1024;

/** Members whose stores have as many bytes unwritten as the test says. */
function startSlow(): { cluster: Cluster; unwritten: Map<string, number> } {
  const cluster = new Cluster();
  const unwritten = new Map<string, number>();
  for (const [id, node] of cluster.nodes) {
    const engine = createMemoryEngine({ storage: node.storeDisk.memory });
    Object.defineProperty(engine, "unwrittenBytes", { get: () => unwritten.get(id) ?? 0 });
    cluster.start(id, { stateMachine: openStore({ engine }) });
  }
  return { cluster, unwritten };
}

function codeOf(outcome: ProposeOutcome): string {
  if (outcome.kind === "applied") return "applied";
  const { code, outcome: known } = (outcome as { error: MemberError }).error;
  return `${code} ${known}`;
}

test("a leader whose store is behind refuses what it and others propose, and leads on", () => {
  const { cluster, unwritten } = startSlow();
  const leader = cluster.calm();
  const follower = cluster.follower();
  const { epoch } = leader.status();
  unwritten.set(leader.id, slow);
  assert.equal(codeOf(cluster.put(leader, "k", "v")), "overloaded notExecuted");
  assert.equal(codeOf(cluster.put(follower, "k", "v")), "overloaded notExecuted");
  cluster.world.run(5000);
  assert.deepEqual([cluster.leader?.id, cluster.leader?.status().epoch], [leader.id, epoch]);
  assert.equal(cluster.read(follower, "k"), undefined);
  unwritten.delete(leader.id);
  assert.equal(codeOf(cluster.put(follower, "k", "w")), "applied");
  cluster.world.run(1000);
  const told = cluster.node(leader.id).events.map(({ kind }) => kind);
  assert.deepEqual(
    told.filter((kind) => kind.startsWith("store.")),
    ["store.behind", "store.caughtUp"],
  );
});

test("a follower whose store is behind logs and follows, and applies when its disk has caught up", () => {
  const { cluster, unwritten } = startSlow();
  const leader = cluster.calm();
  const follower = cluster.follower();
  const before = follower.stateMachine.appliedIndex;
  const { epoch } = leader.status();
  unwritten.set(follower.id, slow);
  for (const outcome of cluster.putMany(leader, 300)) assert.equal(codeOf(outcome), "applied");
  cluster.world.run(5000);
  const { lastIndex, leader: followed, epoch: followedIn } = follower.status();
  assert.deepEqual([followed, followedIn], [leader.id, epoch]);
  assert.equal(lastIndex, leader.status().lastIndex);
  assert.equal(follower.stateMachine.appliedIndex, before);
  unwritten.delete(follower.id);
  cluster.settle();
  assert.equal(cluster.read(follower, "many7"), "x".repeat(10));
});

test("what was committed while the leader's store is behind is answered once it is applied", () => {
  const { cluster, unwritten } = startSlow();
  const leader = cluster.calm();
  const answers: string[] = [];
  leader.propose(putCommand("k", "v"), (outcome) => answers.push(codeOf(outcome)));
  // Proposed at the end of this turn, committed a round trip later.
  cluster.world.run(1);
  unwritten.set(leader.id, slow);
  cluster.world.run(500);
  assert.deepEqual(answers, []);
  unwritten.delete(leader.id);
  cluster.world.run(500);
  assert.deepEqual(answers, ["applied"]);
});
