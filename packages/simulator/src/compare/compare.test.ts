// The comparison is deterministic, and its figures are those that the protocols' design demands.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drawComparison } from "./chart.ts";
import { type Comparison, compare, defaultPlan, type ProtocolFigures } from "./compare.ts";
import { rowsOf } from "./rows.ts";

const plan = { ...defaultPlan, seed: 7, runs: 1, partitionMs: 8000 };
let measured: Comparison | undefined;
function comparison(): Comparison {
  measured ??= compare(plan);
  return measured;
}

function each(of: (figures: ProtocolFigures) => unknown): Record<string, unknown> {
  return Object.fromEntries(comparison().protocols.map((one) => [one.protocol, of(one)]));
}

function all(value: unknown): Record<string, unknown> {
  return { raft: value, paxos: value, zab: value };
}

test("the same plan gives the same figures", () => {
  const again = compare({ ...plan, protocols: ["zab"] });
  assert.deepEqual(
    again.protocols,
    comparison().protocols.filter(({ protocol }) => protocol === "zab"),
  );
});

test("a stable leader commits in one round trip, a follower's client waits for two", () => {
  assert.deepEqual(
    each(({ steady }) => [steady.atLeader.roundTrips, steady.atFollower.roundTrips]),
    all([1, 2]),
  );
});

test("the leader's own disk works while the followers' do", () => {
  assert.deepEqual(
    each(({ steady }) => steady.atLeaderSlowDisk.roundTrips),
    all(1.5),
  );
});

test("each member syncs once for a commit alone, and a batch shares its sync", () => {
  assert.deepEqual(
    each(({ steady }) => [steady.atLeader.syncs, steady.hundredClients.syncs]),
    all([3, 0.03]),
  );
});

test("a read costs the leader a round of messages, or under a lease nothing", () => {
  assert.deepEqual(
    each(({ steady }) => [steady.quorumRead, steady.leaseRead]),
    all([
      { leader: 1, follower: 2 },
      { leader: 0, follower: 1 },
    ]),
  );
});

test("only a proposer that learns from its acceptors leads with a log that lags behind", () => {
  assert.deepEqual(
    each(({ partitions }) => partitions.constrainedElection.lives),
    { raft: 0, paxos: 1, zab: 0 },
  );
});

test("whoever does not hear the leader of a chain deposes nobody", () => {
  assert.deepEqual(
    each(({ partitions }) => partitions.chained.leaderChanges.most),
    all(0),
  );
});

test("every cluster is whole again once the links are", () => {
  assert.deepEqual(
    each(({ partitions }) => Object.values(partitions).map(({ recovers }) => recovers)),
    all([1, 1, 1]),
  );
});

test("the chart shows every figure of the table", () => {
  const drawn = drawComparison(comparison());
  const missing = rowsOf(comparison()).filter(
    ({ label, values }) =>
      !drawn.includes(`>${label}<`) || values.some(({ text }) => !drawn.includes(`>${text}<`)),
  );
  assert.deepEqual(missing, []);
});
