// A member that was away while the others went on and compacted their logs, for tests of snapshots.

import assert from "node:assert/strict";
import { Cluster, type Node, putCommand } from "./cluster.ts";

export const options = { member: { snapshotCount: 250, catchUpEntries: 10 } };

/** A cluster whose log no longer reaches back to where one of its members stopped. */
export function behind(values = 5_000): { cluster: Cluster; late: string } {
  const cluster = new Cluster(options);
  cluster.startAll();
  const leader = cluster.awaitLeader();
  const late = cluster.follower().id;
  cluster.settle();
  cluster.kill(late);
  // Until the leader no longer counts on it, it keeps the log for it.
  cluster.world.run(500);
  for (let i = 0; i < 12; i++) cluster.putMany(leader, 50, "big", values);
  cluster.world.run(500);
  assert.ok(leader.status().firstIndex > 100, "the log was compacted");
  return { cluster, late };
}

/**
 * A leader that was cut off with writes that nobody else has, `k` = never, and whose place the others have
 * taken: they wrote `k` = after, and no longer have the log that it would need.
 */
export function ousted(protocol: "raft" | "paxos" | "zab"): { cluster: Cluster; late: string } {
  const cluster = new Cluster({ ...options, protocol });
  cluster.startAll();
  const old = cluster.calm();
  const late = old.id;
  cluster.put(old, "k", "before");
  cluster.settle();
  cluster.isolate(late);
  for (let i = 0; i < 5; i++) old.propose(putCommand("k", "never"), () => {});
  cluster.world.run(50);
  const others = [...cluster.nodes.keys()].filter((id) => id !== late);
  const leader = () =>
    others.map((id) => cluster.member(id)).find((member) => member.status().role === "leader");
  assert.ok(cluster.world.run(10_000, () => leader() !== undefined));
  for (let i = 0; i < 8; i++) cluster.putMany(leader()!, 100);
  cluster.put(leader()!, "k", "after");
  return { cluster, late };
}

export const count = (node: Node, kind: string) =>
  node.events.filter((event) => event.kind === kind).length;

export function caughtUp(cluster: Cluster, late: string): void {
  cluster.settle();
  const hashes = [...cluster.nodes.values()].map(({ member }) => member!.stateMachine.stateHash());
  assert.equal(new Set(hashes.map(({ hash }) => hash)).size, 1);
  assert.equal(cluster.read(cluster.member(late), "big1"), "x".repeat(5_000));
}
