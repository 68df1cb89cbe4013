// A member with writes of its own that were never committed is sent a snapshot, and dies at every step of
// taking it in. What it starts again with is the log and the store as they were, or the snapshot.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Cluster, Node } from "../testing/cluster.ts";
import { valueAt } from "../testing/cluster.ts";
import { count, ousted } from "../testing/late-member.ts";

const received = (node: Node) => count(node, "snapshot.received") > 0;

/** What holds the member up there, and how to tell that it is there. */
const steps = {
  "in the middle of the stream": {
    hold: (cluster: Cluster, late: string) => {
      cluster.filter = (_from, to, message) =>
        to !== late || message.kind !== "snapshotChunk" || message.sequence < 3;
    },
    reached: (node: Node) => count(node, "snapshot.receiving") > 0,
  },
  "when the store is about to be replaced": {
    hold: (cluster: Cluster, late: string) => {
      cluster.node(late).storeDisk.isStalled = true;
    },
    reached: received,
  },
  "when the store is replaced and the log is not": {
    hold: () => {},
    reached: (node: Node) => {
      const point = node.events.find(({ kind }) => kind === "snapshot.received")?.["index"];
      if (point === undefined || node.store?.appliedIndex !== point) return false;
      node.logDisk.isStalled = true;
      return true;
    },
  },
  "when all is in place": {
    hold: () => {},
    reached: (node: Node) => count(node, "snapshot.installed") > 0,
  },
} as const;

function never(cluster: Cluster, late: string): void {
  const value = valueAt(cluster.member(late), "k");
  assert.ok(value === "before" || value === "after", `${late} applied k = ${value}`);
}

/** Comes up, alone at first, then with the others, and holds what they hold. */
function comesBack(cluster: Cluster, late: string): void {
  const node = cluster.node(late);
  cluster.kill(late);
  cluster.filter = () => true;
  node.storeDisk.isStalled = false;
  node.logDisk.isStalled = false;
  node.events.length = 0;
  cluster.isolate(late);
  cluster.start(late);
  cluster.world.run(100);
  never(cluster, late);
  cluster.heal();
  cluster.settle(20_000);
  const hashes = [...cluster.nodes.values()].map(
    ({ member }) => member!.stateMachine.stateHash().hash,
  );
  assert.equal(new Set(hashes).size, 1);
  assert.equal(valueAt(cluster.member(late), "k"), "after");
  for (const { events } of cluster.nodes.values()) {
    assert.deepEqual(
      events.filter(({ kind }) => kind === "member.failed" || kind === "callback.threw"),
      [],
    );
  }
}

for (const protocol of ["raft", "paxos", "zab"] as const) {
  describe(protocol, () => {
    for (const [step, { hold, reached }] of Object.entries(steps)) {
      for (const isHandedOver of [false, true]) {
        const when = isHandedOver ? ", after another leader was elected" : "";
        test(`a crash ${step}${when}: nothing uncommitted is applied`, () => {
          const { cluster, late } = ousted(protocol);
          const node = cluster.node(late);
          hold(cluster, late);
          cluster.heal();
          assert.ok(
            cluster.world.run(20_000, () => reached(node)),
            "it gets there",
          );
          if (isHandedOver) {
            const others = [...cluster.nodes.keys()].filter((id) => id !== late);
            const leader = others.find((id) => cluster.member(id).status().role === "leader")!;
            const next = others.find((id) => id !== leader)!;
            const epoch = cluster.member(next).status().epoch;
            cluster.member(leader).transferLeadership(next, () => {});
            cluster.world.run(300, () => cluster.member(next).status().epoch > epoch);
            cluster.world.run(20);
          }
          comesBack(cluster, late);
        });
      }
    }

    test("a disk that is too full for the snapshot fails the member, and nothing uncommitted is applied", () => {
      const { cluster, late } = ousted(protocol);
      const node = cluster.node(late);
      const store = node.store!;
      const begin = store.beginRestore.bind(store);
      store.beginRestore = () => {
        const writer = begin();
        const install = (done: (error: Error | undefined) => void) => {
          node.clock.after(5, () => done(new Error("no space left")));
        };
        return {
          write: (chunk) => writer.write(chunk),
          flush: (done) => writer.flush(done),
          finish: () => writer.finish(),
          abort: () => writer.abort(),
          install,
        };
      };
      cluster.heal();
      assert.ok(cluster.world.run(20_000, () => count(node, "member.failed") > 0));
      assert.equal(count(node, "snapshot.installed"), 0);
      cluster.world.run(200);
      comesBack(cluster, late);
    });
  });
}
