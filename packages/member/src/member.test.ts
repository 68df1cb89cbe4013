import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "./testing/cluster.ts";

test("a put on the leader is applied on every member", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.awaitLeader();
  assert.equal(cluster.put(leader, "k", "v").kind, "applied");
  cluster.settle();
  for (const { member } of cluster.nodes.values()) {
    assert.equal(cluster.read(member!, "k"), "v");
  }
});
