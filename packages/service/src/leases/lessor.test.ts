import assert from "node:assert/strict";
import { test } from "node:test";
import type { Member, MemberError } from "@althing/member";
import { encodeCommand } from "@althing/store";
import type { TestMember } from "../../../member/src/testing/cluster.ts";
import { ServiceCluster } from "../testing/service-cluster.ts";
import { decodeLeaseMessage, encodeLeaseMessage, type LeaseMessage } from "./lease-messages.ts";

function founded(): { cluster: ServiceCluster; leader: TestMember } {
  const cluster = new ServiceCluster();
  cluster.startAll();
  return { cluster, leader: cluster.calm() };
}

function grant(cluster: ServiceCluster, lease: bigint, ttlSeconds: number): void {
  let applied = false;
  const command = encodeCommand({ kind: "leaseGrant", lease, ttlSeconds });
  cluster.follower().propose(command, (outcome) => {
    applied = outcome.kind === "applied" && outcome.result.kind === "done";
  });
  assert.ok(cluster.world.run(2000, () => applied));
}

function ask(
  cluster: ServiceCluster,
  on: Pick<Member, "id">,
  lease: bigint,
  renew: boolean,
): number | undefined {
  let answered: { error: MemberError | undefined; leftMs: number | undefined } | undefined;
  cluster.leases(on.id).ask(lease, renew, (error, leftMs) => {
    answered = { error, leftMs };
  });
  assert.ok(cluster.world.run(4000, () => answered !== undefined));
  assert.equal(answered!.error, undefined);
  return answered!.leftMs;
}

const exists = (cluster: ServiceCluster, lease: bigint) =>
  [...cluster.nodes.values()].map(({ store }) => store?.lease(lease) !== undefined);

test("a lease that nobody keeps alive ends on all members, once and not before its time", () => {
  const { cluster, leader } = founded();
  grant(cluster, 7n, 2);
  cluster.world.run(1900);
  assert.deepEqual(exists(cluster, 7n), [true, true, true]);
  assert.ok(cluster.world.run(1500, () => exists(cluster, 7n).every((held) => !held)));
  const expiries = [...cluster.nodes.values()].map(
    ({ id, events }) => [id, events.filter(({ kind }) => kind === "lease.expired").length] as const,
  );
  assert.deepEqual(
    expiries.filter(([, count]) => count > 0),
    [[leader.id, 1]],
  );
});

test("kept alive on a follower it lives on, and the leader says how long", () => {
  const { cluster } = founded();
  const follower = cluster.follower();
  grant(cluster, 7n, 2);
  for (let i = 0; i < 6; i++) {
    cluster.world.run(1000);
    const left = ask(cluster, follower, 7n, false)!;
    assert.ok(left > 500 && left <= 1000, `${left} ms are left`);
    assert.equal(ask(cluster, follower, 7n, true), 2000);
  }
  assert.equal(ask(cluster, follower, 8n, true), undefined);
});

test("lease-expired-by-stalled-leader: time in which nobody could be heard does not count", () => {
  const alone = new ServiceCluster({ ids: ["a"] });
  alone.startAll();
  const single = alone.calm();
  let granted = false;
  single.propose(encodeCommand({ kind: "leaseGrant", lease: 7n, ttlSeconds: 2 }), () => {
    granted = true;
  });
  assert.ok(alone.world.run(1000, () => granted));
  alone.node("a").clock.stalledUntilMs = alone.world.nowMs + 10_000;
  alone.world.run(10_200);
  assert.notEqual(alone.node("a").store!.lease(7n), undefined);
  assert.equal(ask(alone, single, 7n, true), 2000);
});

test("an answer to who this member was before its restart is no answer", () => {
  const { cluster } = founded();
  const follower = cluster.follower();
  const leader = cluster.awaitLeader().id;
  grant(cluster, 7n, 2);
  let asked: LeaseMessage | undefined;
  cluster.filter = (_from, _to, message) => {
    const isAsk = message.kind === "service" && asked === undefined;
    if (isAsk) asked = decodeLeaseMessage(message.bytes);
    return !isAsk;
  };
  const answers: (number | undefined)[] = [];
  cluster.leases(follower.id).ask(7n, true, (_error, leftMs) => answers.push(leftMs));
  assert.ok(cluster.world.run(1000, () => asked !== undefined));
  const { session, request } = asked!;
  const answer = (of: number) => {
    const told = { kind: "leaseAnswer", session: of, request, code: "", left: 1501 } as const;
    follower.receive(leader, { kind: "service", bytes: encodeLeaseMessage(told) });
  };
  answer(session - 1);
  assert.deepEqual(answers, []);
  answer(session);
  assert.deepEqual(answers, [1500]);
});

test("a new leader gives every lease its time again", () => {
  const { cluster, leader } = founded();
  grant(cluster, 7n, 2);
  cluster.world.run(1500);
  cluster.kill(leader.id);
  const next = cluster.awaitLeader();
  assert.notEqual(next.id, leader.id);
  cluster.world.run(1900);
  assert.notEqual(cluster.node(next.id).store!.lease(7n), undefined);
  assert.ok(cluster.world.run(3000, () => !cluster.node(next.id).store!.lease(7n)));
});

test("who leads a second time counts anew, not on from where it stopped", () => {
  const { cluster, leader } = founded();
  grant(cluster, 7n, 2);
  cluster.world.run(1500);
  const handOver = (from: TestMember, to: string): void => {
    let answered: { error: MemberError | undefined } | undefined;
    from.transferLeadership(to, (error) => {
      answered = { error };
    });
    assert.ok(cluster.world.run(2000, () => answered !== undefined));
    assert.equal(answered!.error, undefined);
  };
  const other = cluster.follower();
  handOver(leader, other.id);
  cluster.world.run(300);
  handOver(other, leader.id);
  assert.equal(cluster.awaitLeader().id, leader.id);
  cluster.world.run(1900);
  assert.deepEqual(exists(cluster, 7n), [true, true, true]);
  assert.ok(cluster.world.run(3000, () => exists(cluster, 7n).every((held) => !held)));
});

test("a lease asked for while there is no leader is answered by the next", () => {
  const { cluster, leader } = founded();
  const follower = cluster.follower();
  grant(cluster, 7n, 30);
  cluster.kill(leader.id);
  assert.equal(ask(cluster, follower, 7n, true), 30_000);
});

test("where there is room for one proposal, leases that have ended go one after the other, not one a check", () => {
  const cluster = new ServiceCluster({ member: { proposalsInFlightMax: 1 } });
  cluster.startAll();
  const leader = cluster.calm();
  const store = cluster.node(leader.id).store!;
  const leases = Array.from({ length: 40 }, (_, at) => BigInt(at + 1));
  for (const lease of leases) grant(cluster, lease, 1);
  const left = () => leases.filter((lease) => store.lease(lease) !== undefined).length;
  assert.ok(left() > 30, "they were granted before the first of them ended");
  assert.ok(
    cluster.world.run(2500, () => left() === 0),
    `${left()} leases have not ended`,
  );
  assert.equal(cluster.leases(leader.id).counts.expired, leases.length);
});
