import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Entry,
  encodeMembership,
  encodeMembershipEntry,
  membershipOf,
  paxos,
  raft,
} from "@althing/consensus";
import type { Log, Recovered } from "@althing/log";
import { RecoveryError, recover } from "./recovery.ts";
import { Cluster } from "./testing/cluster.ts";

const bootstrap = membershipOf(["a", "b", "c"]);
const meta = encodeMembership(bootstrap);
const state = raft.encodeState({ term: 3, vote: "", commit: 0 });
const entry = (index: number, epoch: number): Entry => ({
  index,
  epoch,
  proposer: "",
  kind: "command",
  payload: new Uint8Array(0),
});
const entries = (from: number, to: number, epoch: number) =>
  Array.from({ length: to - from + 1 }, (_, place) => entry(from + place, epoch));

function decide(recovered: Partial<Recovered>, point: { index: number; epoch: number }) {
  const log = {
    recovered: {
      state,
      base: { index: 0, epoch: 0, proposer: "", meta },
      entries: [],
      tornBytes: 0,
      ...recovered,
    },
  };
  return recover(raft as never, log as unknown as Log, { ...point, proposer: "", meta }, bootstrap);
}

const outcome = (recovery: ReturnType<typeof decide>) => ({
  base: recovery.restored.base.index,
  applied: recovery.restored.applied,
  entries: recovery.restored.entries.map(({ index }) => index),
  reset: recovery.resetLog?.index,
});

const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof RecoveryError) return error.code;
    throw error;
  }
  return "";
};

test("a first start begins with nothing and the founding membership", () => {
  const recovery = decide({ state: undefined }, { index: 0, epoch: 0 });
  assert.deepEqual(outcome(recovery), { base: 0, applied: 0, entries: [], reset: undefined });
  assert.deepEqual(recovery.memberships[0]!.membership, bootstrap);
});

test("a store behind its log is brought up from the log", () => {
  const recovery = decide({ entries: entries(1, 5, 2) }, { index: 3, epoch: 2 });
  assert.deepEqual(outcome(recovery), {
    base: 0,
    applied: 3,
    entries: [1, 2, 3, 4, 5],
    reset: undefined,
  });
});

test("a store ahead of its log is followed: the snapshot was installed and the log was not", () => {
  const recovery = decide({ entries: entries(1, 5, 2) }, { index: 9, epoch: 3 });
  assert.deepEqual(outcome(recovery), { base: 9, applied: 9, entries: [], reset: 9 });
});

test("old-snapshot-after-recovery: a log that conflicts with the store's point gives way to it", () => {
  const recovery = decide({ entries: entries(1, 12, 2) }, { index: 9, epoch: 3 });
  assert.deepEqual(outcome(recovery), { base: 9, applied: 9, entries: [], reset: 9 });
});

test("a snapshot of Paxos that ends where the log holds the same slot was not led to by that log", () => {
  // Slots 3 and 5 never arrived, and 2 is of a ballot that was given up; 6 is the ballot's of the snapshot.
  const slots = [entry(1, 2), entry(2, 1), entry(4, 2), entry(6, 2), entry(7, 2)];
  const own = slots.map((slot) => ({ ...slot, proposer: "b" }));
  const point = { index: 6, epoch: 2, proposer: "b", meta };
  const ballot = { round: 2, proposer: "b", commit: 1, prepareQuorum: 0, acceptQuorum: 0 };
  const start = (installing: number, list: readonly Entry[]) => {
    const state = paxos.encodeState({ ...ballot, installing });
    const base = { index: 0, epoch: 0, proposer: "", meta };
    const log = { recovered: { state, base, entries: list, tornBytes: 0 } };
    const recovery = recover(paxos as never, log as unknown as Log, point, bootstrap);
    const options = {
      id: "a",
      heartbeatTicks: 2,
      electionTicks: 10,
      tickMs: 10,
      random: () => 0.5,
    };
    paxos.create(options, recovery.restored as never);
    return outcome(recovery);
  };
  const followed = { base: 6, applied: 6, entries: [7], reset: undefined };
  assert.deepEqual(start(6, own), followed);
  // A log that led there, and an installation that came to nothing, are as they ever were.
  const whole = entries(1, 7, 2).map((slot) => ({ ...slot, proposer: "b" }));
  const kept = { base: 0, applied: 6, entries: [1, 2, 3, 4, 5, 6, 7], reset: undefined };
  assert.deepEqual(start(0, whole), kept);
  assert.deepEqual(start(9, whole), kept);
});

test("snapshot-log-gap-on-boot: a log that begins above the store is refused", () => {
  const base = { index: 10, epoch: 2, proposer: "", meta };
  assert.equal(
    refusal(() => decide({ base, entries: entries(11, 12, 2) }, { index: 7, epoch: 2 })),
    "dataMissing",
  );
});

test("reformatted-node-forgets-promise: a new log beside an old store is refused", () => {
  assert.equal(
    refusal(() => decide({ state: undefined }, { index: 7, epoch: 2 })),
    "logMissing",
  );
});

test("log and store that name different entries at the log's base are refused", () => {
  const base = { index: 7, epoch: 1, proposer: "", meta };
  assert.equal(
    refusal(() => decide({ base }, { index: 7, epoch: 2 })),
    "inconsistent",
  );
});

test("a membership or state that cannot be read is refused, not guessed", () => {
  const base = { index: 0, epoch: 0, proposer: "", meta: Uint8Array.of(255) };
  assert.equal(
    refusal(() => decide({ base }, { index: 0, epoch: 0 })),
    "unreadable",
  );
  assert.equal(
    refusal(() => decide({ state: Uint8Array.of(255) }, { index: 0, epoch: 0 })),
    "unreadable",
  );
});

test("the memberships between the log's base and the store's point are known again", () => {
  const next = membershipOf(["a", "b", "c", "d"]);
  const change: Entry = {
    ...entry(3, 2),
    kind: "membership",
    payload: encodeMembershipEntry(next, new Uint8Array(0)),
  };
  const recovery = decide(
    { entries: [entry(1, 2), entry(2, 2), change, entry(4, 2)] },
    { index: 4, epoch: 2 },
  );
  assert.deepEqual(
    recovery.memberships.map(({ index, membership }) => ({ index, membership })),
    [
      { index: 0, membership: bootstrap },
      { index: 3, membership: next },
    ],
  );
});

test("reapply-last-entry-on-restart: every entry is applied once, however often members restart", () => {
  const cluster = new Cluster({ ids: ["a"], member: { snapshotCount: 50, catchUpEntries: 5 } });
  cluster.startAll();
  let revision = 1;
  for (let round = 0; round < 5; round++) {
    cluster.putMany(cluster.awaitLeader(), 30);
    revision += 30;
    cluster.kill("a");
    cluster.start("a");
    cluster.awaitLeader();
    cluster.settle();
    assert.equal(cluster.member("a").stateMachine.revision, revision);
  }
});
