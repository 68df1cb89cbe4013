// What an older leader proposed takes no effect any more once a later one has answered: see fences.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  encodeMembership,
  membershipOf,
  type Protocol,
  paxos,
  raft,
  zab,
} from "@althing/consensus";
import { openLog } from "@althing/log";
import { MemberError, type ProposeOutcome } from "./contract.ts";
import { fenceOf, requestOf, sessionOf, writeFence, writeLeaderTime } from "./envelope.ts";
import { Fences } from "./fences.ts";
import { decodePointMeta, encodePointMeta, type Fence, noFence } from "./point-meta.ts";
import { Proposals } from "./proposals.ts";
import { Cluster, putCommand } from "./testing/cluster.ts";
import { count, ousted } from "./testing/late-member.ts";
import type { Leadership, Turn } from "./turn.ts";

const ids = ["a", "b", "c", "d", "e"];

test("what a deposed leader left beyond its successor's slots does nothing when a third one finds it", () => {
  const cluster = new Cluster({ ids, protocol: "paxos", member: { requestTimeoutMs: 400 } });
  cluster.startAll();
  const first = cluster.calm();
  cluster.isolate(first.id);
  // Nobody else hears of them: ten slots, far beyond those that the next leader is to fill.
  const told: ProposeOutcome[] = [];
  for (let i = 0; i < 10; i++) {
    first.propose(putCommand(`k${i}`, "late"), (outcome) => told.push(outcome));
  }
  assert.ok(
    cluster.world.run(20, () => first.status().lastIndex >= first.stateMachine.appliedIndex + 10),
  );
  const { lastIndex } = first.status();
  const others = ids.filter((id) => id !== first.id);
  const second = () => {
    const { leader } = cluster;
    return leader !== undefined && leader.id !== first.id ? leader : undefined;
  };
  assert.ok(cluster.world.run(3000, () => second() !== undefined && told.length === 10));
  for (const outcome of told) {
    assert.ok(outcome.kind === "failed" && outcome.error.outcome === "unknown");
  }
  const next = second()!;
  for (let i = 0; i < 10; i++) assert.equal(cluster.read(next, `k${i}`), undefined);
  // Three are left of five, and the one that has those slots is needed to lead them.
  const { epoch } = next.status();
  cluster.kill(next.id);
  cluster.kill(others.find((id) => id !== next.id)!);
  cluster.heal();
  assert.ok(cluster.world.run(5000, () => (cluster.leader?.status().epoch ?? 0) > epoch));
  const third = cluster.awaitLeader();
  const outcome = cluster.put(third, "more", "v");
  assert.equal(outcome.kind, "applied");
  assert.ok((outcome as { index: number }).index > lastIndex, "the slots were completed");
  for (let i = 0; i < 10; i++) assert.equal(cluster.read(third, `k${i}`), undefined);
});

test("a fence of a lower ballot does nothing, and no command counts under another fence", () => {
  const turn = { id: "a", leadership: { role: "leader", epoch: 4, leader: "a" } };
  const fences = new Fences(turn as unknown as Turn, paxos, new Uint8Array(0));
  assert.equal(fences.stamp, undefined, "a new leader waits for its own");
  fences.apply(5, { epoch: 3, proposer: "b" });
  assert.equal(fences.stamp, undefined);
  assert.deepEqual([fences.counts(5), fences.counts(4), fences.counts(0)], [true, false, true]);
  fences.apply(6, { epoch: 3, proposer: "a" });
  fences.apply(7, { epoch: 2, proposer: "c" });
  fences.apply(8, { epoch: 3, proposer: "b" });
  assert.deepEqual(
    [5, 6, 7, 8].map((stamp) => fences.counts(stamp)),
    [true, false, false, false],
  );
  const isPast = (epoch: number, proposer: string) => fences.isPast({ epoch, proposer });
  assert.deepEqual(
    [isPast(2, "z"), isPast(3, "a"), isPast(3, "b"), isPast(3, "c"), isPast(4, "a")],
    [true, true, true, false, false],
  );
  fences.apply(9, { epoch: 4, proposer: "a" });
  assert.deepEqual([fences.stamp, fences.counts(9), fences.counts(5)], [9, true, false]);
  const again = new Fences(turn as unknown as Turn, paxos, metaOf(fences.inForce));
  assert.deepEqual([again.stamp, again.counts(9), again.counts(5)], [9, true, false]);
});

test("where a protocol ends itself what older leaders left, nothing is fenced and nobody waits", () => {
  for (const protocol of [raft, zab]) {
    const turn = { id: "a", leadership: { role: "leader", epoch: 4, leader: "a" } };
    const fences = new Fences(turn as unknown as Turn, protocol, new Uint8Array(0));
    assert.equal(fences.stepAsLeader(), false);
    assert.equal(fences.stamp, 0);
    assert.ok(fences.isPast({ epoch: 9, proposer: "b" }));
  }
});

test("a point of before fences is read as one without, and says the same bytes", () => {
  const membership = membershipOf(ids);
  const meta = encodeMembership(membership);
  assert.deepEqual(decodePointMeta(meta), { membership, fence: noFence, roster: [] });
  assert.deepEqual(metaOf(noFence), meta);
  const fence = { index: 2 ** 40, epoch: 2 ** 33, proposer: "0123456789abcdef" };
  assert.deepEqual(decodePointMeta(metaOf(fence)), { membership, fence, roster: [] });
});

function metaOf(fence: Fence): Uint8Array {
  return encodePointMeta({ membership: membershipOf(ids), fence, roster: [] });
}

test("a fence outlives restarts, and a snapshot brings it along", () => {
  const { cluster, late } = ousted("paxos");
  cluster.heal();
  const installed = () => count(cluster.node(late), "snapshot.installed") > 0;
  assert.ok(cluster.world.run(20_000, installed));
  cluster.settle();
  const leader = cluster.awaitLeader();
  const fenceOn = (id: string) =>
    decodePointMeta(cluster.member(id).stateMachine.durable().meta)?.fence;
  const fence = fenceOn(late);
  assert.deepEqual([fence?.epoch, fence?.proposer], [leader.status().epoch, leader.id]);
  // From the store alone: the fence is in no log any more.
  cluster.kill(late);
  cluster.start(late);
  assert.deepEqual(fenceOn(late), fence);
  assert.equal(cluster.put(cluster.member(late), "k", "again").kind, "applied");
  assert.equal(cluster.read(cluster.member(late), "k"), "again");
  cluster.settle();
  assert.deepEqual(cluster.member(late).stateMachine.stateHash(), leader.stateMachine.stateHash());
});

/** A follower of `b`, and what it sends on. */
function follower() {
  let leadership: Leadership = { role: "follower", epoch: 1, leader: "b" };
  const sent: { to: string; payload: Uint8Array }[] = [];
  const turn = {
    id: "a",
    get leadership() {
      return leadership;
    },
    ports: { clock: { monotonicMs: () => 0, soon() {} }, random: () => 0.5 },
    waits: { tickMs: 10, electionMs: 100, requestMs: 1000 },
    schedule() {},
    send(to: string, message: { payloads: Uint8Array[] }) {
      for (const payload of message.payloads) sent.push({ to, payload });
    },
    guard: (run: () => void) => run(),
  };
  const parts = { reads: { read() {} }, pressure: { isBehind: false }, fences: { stamp: 0 } };
  const limits = { inFlightMax: 10, requestBytesMax: 1000 };
  const proposals = new Proposals(turn as unknown as Turn, parts, limits);
  const follow = (leader: string, epoch: number) => {
    leadership = { role: leader === "a" ? "leader" : "follower", epoch, leader };
    proposals.leadershipChanged();
  };
  return { proposals, sent, follow };
}

test("what was void is sent to the next leader, in bytes of its own", () => {
  const { proposals, sent, follow } = follower();
  const told: ProposeOutcome[] = [];
  proposals.propose(putCommand("k", "v"), (outcome) => told.push(outcome));
  proposals.stepAsFollower();
  const { payload } = sent[0]!;
  writeFence(payload, 7);
  const before = payload.slice();
  follow("c", 2);
  proposals.voided(payload);
  proposals.stepAsFollower();
  assert.deepEqual(
    sent.map(({ to }) => to),
    ["b", "c"],
  );
  const again = sent[1]!.payload;
  assert.equal(requestOf(again), requestOf(payload));
  assert.equal(sessionOf(again), sessionOf(payload));
  writeFence(again, 9);
  writeLeaderTime(again, 5);
  assert.deepEqual(payload, before, "the log's bytes stay as they are");
  assert.equal(fenceOf(again), 9);
  proposals.applied(again, { kind: "compact", revision: 1 }, 10);
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ["applied"],
  );
  // It is answered: nothing is sent any more, whatever comes.
  proposals.voided(payload);
  proposals.stepAsFollower();
  assert.equal(sent.length, 2);
});

test("what was meant as the leader of an epoch is not given to another when it was void", () => {
  const { proposals, sent, follow } = follower();
  follow("a", 2);
  const told: ProposeOutcome[] = [];
  proposals.proposeAsLeader(putCommand("k", "v"), (outcome) => told.push(outcome));
  follow("c", 3);
  proposals.stepAsFollower();
  const [outcome] = told as [ProposeOutcome & { kind: "failed" }];
  assert.ok(outcome.error instanceof MemberError);
  assert.deepEqual([outcome.error.code, outcome.error.outcome], ["leaderChanged", "notExecuted"]);
  assert.equal(sent.length, 0);
});

for (const protocol of [raft, paxos, zab] as unknown as Protocol[]) {
  test(`${protocol.name}: a cluster whose log was written before there were fences goes on`, () => {
    const cluster = new Cluster({ protocol: protocol.name });
    const payloads = [1, 2, 3].map((request) => {
      const command = putCommand(`old${request}`, "v");
      const payload = new Uint8Array(20 + command.length);
      payload[0] = 1;
      payload[8] = request;
      payload[14] = 9;
      payload.set(command, 20);
      return payload;
    });
    const proposer = protocol.name === "paxos" ? "a" : "";
    const states: Record<string, unknown> = {
      raft: { term: 1, vote: "a", commit: 3 },
      paxos: { round: 1, proposer: "a", commit: 3, prepareQuorum: 0, acceptQuorum: 0 },
      zab: { acceptedEpoch: 1, currentEpoch: 1, commit: 3 },
    };
    const meta = encodeMembership(cluster.bootstrap);
    for (const node of cluster.nodes.values()) {
      const log = openLog(node.logDisk.memory, {
        base: { index: 0, epoch: 0, proposer: "", meta },
        segmentBytes: 256 * 1024,
      });
      let written = false;
      const entries = payloads.map((payload, i) => {
        return { index: i + 1, epoch: 1, proposer, kind: "command" as const, payload };
      });
      const state = protocol.encodeState(states[protocol.name]);
      log.append({ state, entries }, (error) => {
        assert.equal(error, undefined);
        written = true;
      });
      assert.ok(cluster.world.run(100, () => written));
    }
    cluster.startAll();
    const leader = cluster.calm();
    for (const id of ["a", "b", "c"]) {
      const member = cluster.member(id);
      for (const request of [1, 2, 3]) assert.equal(cluster.read(member, `old${request}`), "v");
      assert.equal(cluster.put(member, `new ${id}`, "w").kind, "applied");
    }
    cluster.kill(leader.id);
    assert.equal(cluster.read(cluster.awaitLeader(), "old1"), "v");
  });
}
