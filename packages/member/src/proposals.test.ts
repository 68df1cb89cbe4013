import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProposeOutcome } from "./contract.ts";
import { Proposals } from "./proposals.ts";
import { Cluster } from "./testing/cluster.ts";
import type { Leadership, Turn } from "./turn.ts";

/** A follower, alone with a clock. */
function follower() {
  const sent: number[] = [];
  const world = { nowMs: 0, leadership: { role: "follower", epoch: 1, leader: undefined } };
  const turn = {
    id: "one",
    get leadership() {
      return world.leadership as Leadership;
    },
    waits: { tickMs: 100, electionMs: 1000, requestMs: 7000 },
    ports: { clock: { monotonicMs: () => world.nowMs, wallMs: () => 0 }, random: () => 0.5 },
    schedule: () => {},
    send: (_to: string, message: { payloads: readonly Uint8Array[] }) => {
      sent.push(message.payloads.length);
    },
    guard: (run: () => void) => run(),
  } as unknown as Turn;
  const asking = { reads: { read: () => {} }, pressure: { isBehind: false }, fences: { stamp: 0 } };
  const limits = { inFlightMax: 100, requestBytesMax: 1000 };
  return { world, sent, proposals: new Proposals(turn, asking, limits) };
}

test("however long there is no leader, only requests that still wait for one are held", () => {
  const { world, sent, proposals } = follower();
  const outcomes: string[] = [];
  const tell = (outcome: ProposeOutcome) => {
    outcomes.push(outcome.kind === "failed" ? outcome.error.code : outcome.kind);
  };
  for (let round = 0; round < 1000; round++) {
    for (let i = 0; i < 10; i++) proposals.propose(Uint8Array.of(1), tell);
    proposals.stepAsFollower();
    world.nowMs += 1000;
    proposals.tick(world.nowMs);
    assert.equal(proposals.parked, proposals.pending);
  }
  assert.equal(outcomes.length, 10_000 - proposals.pending);
  assert.deepEqual([...new Set(outcomes)], ["noLeader"]);
  // And those go to the leader when there is one.
  const { pending } = proposals;
  assert.ok(pending >= 60);
  world.leadership = { role: "follower", epoch: 2, leader: "two" } as never;
  proposals.leadershipChanged();
  proposals.stepAsFollower();
  assert.deepEqual([sent, proposals.parked, proposals.pending], [[pending], 0, pending]);
});

test("a request that the leader never takes is told to be unknown when its time is over", () => {
  const cluster = new Cluster({ member: { requestTimeoutMs: 700 } });
  cluster.startAll();
  const leader = cluster.calm();
  const follower = cluster.follower();
  cluster.filter = (_from, _to, message) => message.kind !== "forward";
  const outcome = cluster.put(follower, "k", "v");
  assert.ok(outcome.kind === "failed");
  assert.deepEqual([outcome.error.code, outcome.error.outcome], ["timedOut", "unknown"]);
  assert.equal(cluster.leader, leader);
});
