// An election on a network that loses messages: what is lost in an attempt is asked for again in it,
// instead of waiting for the next one, an election timeout or two later.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cluster, clusterOf } from "../testing/cluster.ts";
import { randomOf } from "../testing/random-run.ts";
import { raft } from "./raft.ts";

test("pre-votes and votes that were lost are asked for again within the attempt", () => {
  const cluster = clusterOf(raft, 3);
  const sent = () => {
    while (cluster.persist("a"));
    const kinds = cluster.letters.map(({ to, bytes }) => `${raft.decodeMessage(bytes).kind} ${to}`);
    cluster.letters = [];
    return kinds;
  };
  cluster.step("a", { kind: "campaign" });
  assert.deepEqual(sent(), ["preVoteRequest b", "preVoteRequest c"]);
  cluster.tick("a");
  assert.deepEqual(sent(), []);
  cluster.tick("a");
  assert.deepEqual(sent(), ["preVoteRequest b", "preVoteRequest c"]);
  const granted = { kind: "preVoteResponse", term: 1, granted: true } as const;
  cluster.step("a", { kind: "receive", from: "b", message: granted });
  assert.deepEqual(sent(), ["voteRequest b", "voteRequest c"]);
  const refused = { kind: "voteResponse", term: 1, granted: false } as const;
  cluster.step("a", { kind: "receive", from: "c", message: refused });
  cluster.tick("a", 2);
  assert.deepEqual(sent(), ["voteRequest b"], "who has answered is left alone");
  const voted = { kind: "voteResponse", term: 1, granted: true } as const;
  cluster.step("a", { kind: "receive", from: "b", message: voted });
  assert.equal(cluster.leader(), "a");
});

test("with four messages of ten lost, five members are without a leader only for an election", () => {
  let led = 0;
  let ticks = 0;
  for (let seed = 1; seed <= 5; seed++) {
    const random = randomOf(seed);
    const cluster = clusterOf(raft, 5, { core: { random, heartbeatTicks: 1 } });
    for (let tick = 0; tick < 1500; tick++, ticks++) {
      cluster.nowMs += 10;
      for (const id of cluster.machines.keys()) cluster.tick(id);
      for (let turn = 0; turn < 2; turn++) {
        for (const id of cluster.machines.keys()) while (cluster.persist(id));
        for (const letter of cluster.letters.splice(0)) {
          if (random() >= 0.4) cluster.deliver(letter);
        }
      }
      if (isLed(cluster)) led++;
      const leader = cluster.leader();
      if (tick % 500 === 499 && leader !== undefined) cluster.crash(leader);
      if (tick % 500 !== 60) continue;
      for (const { id, isUp } of cluster.machines.values()) if (!isUp) cluster.restart(id);
    }
  }
  assert(led / ticks > 0.95, `led for ${((100 * led) / ticks).toFixed(1)} % of the time`);
});

function isLed<M, S>(cluster: Cluster<M, S>): boolean {
  const leader = cluster.leader();
  const follows = [...cluster.machines.values()].filter((machine) => {
    return machine.isUp && machine.core.status().leader === leader;
  });
  return leader !== undefined && follows.length * 2 > cluster.machines.size;
}
