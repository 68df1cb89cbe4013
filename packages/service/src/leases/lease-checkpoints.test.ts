// What a new leader knows of leases, and that it never knows less than their holders were told. The cost for
// a hundred thousand of them is counted in steps, not in time.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemberError, StewardHost } from "@althing/member";
import { createMemoryEngine, encodeCommand, openStore, type Result } from "@althing/store";
import type { TestMember } from "../../../member/src/testing/cluster.ts";
import { ServiceCluster } from "../testing/service-cluster.ts";
import { LeaseCheckpoints } from "./lease-checkpoints.ts";
import { Lessor } from "./lessor.ts";

const lease = 7n;
const ttlSeconds = 20;

function founded(): { cluster: ServiceCluster; leader: TestMember } {
  const cluster = new ServiceCluster({ leaseCheckpointMs: 2000 });
  cluster.startAll();
  return { cluster, leader: cluster.calm() };
}

function grant(cluster: ServiceCluster, id: bigint, seconds: number): void {
  let applied = false;
  const command = encodeCommand({ kind: "leaseGrant", lease: id, ttlSeconds: seconds });
  cluster.follower().propose(command, (outcome) => {
    applied = outcome.kind === "applied" && outcome.result.kind === "done";
  });
  assert.ok(cluster.world.run(2000, () => applied));
}

function ask(cluster: ServiceCluster, on: TestMember, renew: boolean): number | undefined {
  let answered: { error: MemberError | undefined; leftMs: number | undefined } | undefined;
  cluster.leases(on.id).ask(lease, renew, (error, leftMs) => {
    answered = { error, leftMs };
  });
  assert.ok(cluster.world.run(4000, () => answered !== undefined));
  assert.equal(answered!.error, undefined);
  return answered!.leftMs;
}

const written = (cluster: ServiceCluster, of: TestMember) =>
  cluster.node(of.id).store!.lease(lease)?.remainingSeconds;

test("a new leader gives a lease the rest that was written down, not its whole time", () => {
  const { cluster, leader } = founded();
  grant(cluster, lease, ttlSeconds);
  cluster.world.run(10_000);
  const rest = written(cluster, leader)!;
  assert.ok(rest >= 10 && rest <= 12, `${rest} s are written down`);
  cluster.kill(leader.id);
  const next = cluster.awaitLeader();
  const leftMs = ask(cluster, next, false)!;
  assert.ok(leftMs >= 10_000 && leftMs <= 12_500, `${leftMs} ms are left`);
  const gone = () => cluster.node(next.id).store!.lease(lease) === undefined;
  cluster.world.run(leftMs - 200);
  assert.ok(!gone());
  assert.ok(cluster.world.run(2000, gone));
});

test("kept alive after its rest was written down, it has its whole time with any later leader", () => {
  const { cluster, leader } = founded();
  grant(cluster, lease, ttlSeconds);
  cluster.world.run(10_000);
  assert.ok(written(cluster, leader)! < ttlSeconds);
  assert.equal(ask(cluster, cluster.follower(), true), ttlSeconds * 1000);
  // On a quorum before the holder was told.
  const follower = cluster.follower();
  cluster.kill(leader.id);
  const next = cluster.awaitLeader();
  assert.ok(ask(cluster, next, false)! > (ttlSeconds - 1) * 1000);
  assert.equal(written(cluster, next), ttlSeconds);
  assert.ok([...cluster.nodes.keys()].includes(follower.id));
});

test("kept alive while its rest is on the way into the log, it is not told before the log says otherwise", () => {
  const { cluster, leader } = founded();
  grant(cluster, lease, ttlSeconds);
  const entries = () => leader.status().lastIndex;
  const before = entries();
  assert.ok(cluster.world.run(5000, () => entries() > before));
  // Proposed, and applied nowhere yet.
  assert.equal(written(cluster, leader), ttlSeconds);
  assert.equal(ask(cluster, leader, true), ttlSeconds * 1000);
  assert.equal(written(cluster, leader), ttlSeconds);
  assert.equal(entries(), before + 2);
});

test("a leader that leads no more when what it wrote of a lease is applied does not call the lease gone", () => {
  const { cluster, leader } = founded();
  grant(cluster, lease, ttlSeconds);
  cluster.world.run(10_000);
  // The others write it down; this one learns so only when another leads.
  const { logDisk } = cluster.node(leader.id);
  logDisk.isStalled = true;
  const answers: (number | undefined)[] = [];
  cluster.leases(leader.id).ask(lease, true, (_error, leftMs) => answers.push(leftMs));
  assert.ok(cluster.world.run(2000, () => leader.status().role !== "leader"));
  assert.deepEqual(answers, []);
  logDisk.answer();
  assert.ok(cluster.world.run(2000, () => answers.length > 0));
  assert.deepEqual(answers, [ttlSeconds * 1000]);
});

test("a lease that is kept alive often enough costs the log nothing", () => {
  const { cluster, leader } = founded();
  grant(cluster, lease, ttlSeconds);
  const before = leader.status().lastIndex;
  for (let i = 0; i < 20; i++) {
    cluster.world.run(1000);
    ask(cluster, leader, true);
  }
  assert.equal(leader.status().lastIndex, before);
});

test("what a leader wanted to revoke when it lost leadership, no later leader revokes for it", () => {
  const { cluster, leader } = founded();
  grant(cluster, lease, 2);
  cluster.world.run(1000);
  cluster.isolate(leader.id);
  // It steps down with the revoke in hand, or never proposes one; the others keep the lease alive.
  const others = [...cluster.nodes.keys()].filter((id) => id !== leader.id);
  assert.ok(
    cluster.world.run(3000, () =>
      others.some((id) => cluster.member(id).status().role === "leader"),
    ),
  );
  const next = cluster.member(others.find((id) => cluster.member(id).status().role === "leader")!);
  for (let i = 0; i < 5; i++) {
    assert.equal(ask(cluster, next, true), 2000);
    cluster.world.run(1000);
  }
  cluster.heal();
  for (let i = 0; i < 5; i++) {
    assert.equal(ask(cluster, next, true), 2000);
    cluster.world.run(1000);
  }
});

test("an older opposite that is applied first does not hide that a lease is being written about", () => {
  const soon: (() => void)[] = [];
  const settle = () => {
    for (let run = soon.shift(); run !== undefined; run = soon.shift()) run();
  };
  const outcomes: ((outcome: unknown) => void)[] = [];
  const host = {
    leadership: { epoch: 1 },
    clock: { soon: (run: () => void) => soon.push(run) },
    guard: (run: () => void) => run(),
    proposeAsLeader: (_command: Uint8Array, done: (outcome: unknown) => void) =>
      outcomes.push(done),
  } as unknown as StewardHost<Result>;
  const whole = { lease, ttlSeconds, remainingSeconds: ttlSeconds, asOfMs: 0 };
  const store = { lease: () => whole };
  const parts = { store, everyMs: 2000, endOf: () => 20_000 };
  const checkpoints = new LeaseCheckpoints(host, parts);
  const clear = () => {
    checkpoints.clear(lease, () => {});
    settle();
    return outcomes.at(-1)!;
  };
  const applied = { kind: "applied", result: { kind: "done" }, index: 1 };

  const cleared = clear();
  checkpoints.endSet(lease, 20_000, 0);
  checkpoints.tick(2000);
  assert.equal(outcomes.length, 2, "one to say the opposite, one to write it down");
  checkpoints.applied(whole);
  cleared(applied);
  assert.ok(checkpoints.mustClear(whole));
  // Proposed after it, the opposite has the last word, wherever the other ended.
  const clearedAgain = clear();
  assert.ok(checkpoints.mustClear(whole));
  checkpoints.applied(whole);
  clearedAgain(applied);
  assert.ok(!checkpoints.mustClear(whole));
});

test("leases are listed by the time that is left, with keep-alives counted", () => {
  const { cluster, leader } = founded();
  grant(cluster, 1n, 10);
  grant(cluster, 2n, 20);
  grant(cluster, lease, 15);
  const listed = () =>
    [...cluster.leases(leader.id).ends()].sort((a, b) => a.endMs - b.endMs).map((end) => end.lease);
  assert.deepEqual(listed(), [1n, lease, 2n]);
  cluster.world.run(6000);
  ask(cluster, leader, true);
  assert.deepEqual(listed(), [1n, 2n, lease]);
});

/** A lessor that leads alone over a real store: what it proposes is applied when the turn ends. */
function scale(checkpointMs: number) {
  const store = openStore({ engine: createMemoryEngine() });
  const soon: (() => void)[] = [];
  const clock = { ms: 0 };
  let proposed = 0;
  const apply = (command: Uint8Array) => {
    const context = { index: store.appliedIndex + 1, epoch: 1, proposer: "a", leaderTimeMs: 0 };
    return store.apply(command, context);
  };
  const host = {
    leadership: { role: "leader", epoch: 1, leader: "a" },
    waits: { tickMs: 100, electionMs: 1000, requestMs: 5000 },
    clock: { monotonicMs: () => clock.ms, soon: (run: () => void) => soon.push(run) },
    guard: (run: () => void) => run(),
    observe: () => {},
    refusal: () => undefined,
    read: (done: (error: undefined) => void) => done(undefined),
    proposeAsLeader(command: Uint8Array, done: (outcome: unknown) => void) {
      proposed++;
      soon.push(() => done({ kind: "applied", result: apply(command), index: 0 }));
    },
  } as unknown as StewardHost<Result>;
  const lessor = new Lessor(host, store, checkpointMs);
  lessor.leadershipChanged();
  const settle = () => {
    for (let run = soon.shift(); run !== undefined; run = soon.shift()) run();
  };
  const tick = (ms: number) => {
    clock.ms += ms;
    lessor.tick(clock.ms);
    const asked = { proposed, steps: lessor.steps };
    settle();
    return asked;
  };
  return { store, lessor, apply, settle, tick };
}

test("a hundred thousand leases are granted, kept alive, written down and expired in bounded steps", () => {
  const { store, lessor, apply, settle, tick } = scale(10_000);
  tick(100);
  const count = 100_000;
  const logOfCount = Math.ceil(Math.log2(count));
  for (let i = 1; i <= count; i++) {
    apply(encodeCommand({ kind: "leaseGrant", lease: BigInt(i), ttlSeconds: 30 }));
  }
  assert.equal(store.leases().length, count);
  const bound = { steps: 4 * logOfCount * 2 * (500 + 1000), proposals: 501 };
  let last = { proposed: 0, steps: lessor.steps };
  const bounded = (now: { proposed: number; steps: number }, most: number) => {
    assert.ok(now.steps - last.steps <= most, `${now.steps - last.steps} steps in a tick`);
    last = now;
  };
  // Nothing is due: nothing is done, however many there are.
  for (let i = 0; i < 50; i++) bounded(tick(100), 0);

  let answered = 0;
  for (let i = 1; i <= count; i += 2) {
    const before = lessor.steps;
    lessor.ask(BigInt(i), true, (error, leftMs) => {
      assert.deepEqual([error, leftMs], [undefined, 30_000]);
      answered++;
    });
    assert.ok(lessor.steps - before <= 4 * logOfCount * 2);
  }
  settle();
  assert.equal(answered, count / 2);
  last = { ...last, steps: lessor.steps };

  // The others are written about, then they end: never more at once than the bounds.
  let proposedBefore = 0;
  const advance = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) {
      const now = tick(100);
      assert.ok(now.proposed - proposedBefore <= bound.proposals, "too many proposals in a tick");
      proposedBefore = now.proposed;
      bounded(now, bound.steps);
      last = { ...now, steps: lessor.steps };
    }
  };
  advance(24_900);
  assert.equal(store.leases().length, count);
  // 500 for each half second, and half of them were kept alive.
  advance((count / 2 / 500) * 500 + 2000);
  assert.ok(store.leases().length <= count / 2, `${store.leases().length} are left`);
});

test("a new leader begins to count a hundred thousand leases in steps, and serves meanwhile", () => {
  const { store, lessor, apply, settle, tick } = scale(10_000);
  const count = 100_000;
  const grantOne = (id: number) =>
    apply(encodeCommand({ kind: "leaseGrant", lease: BigInt(id), ttlSeconds: 30 }));
  for (let i = 1; i <= count; i++) grantOne(i);
  const stateOf = store.lease.bind(store);
  let looked = 0;
  store.lease = (id) => {
    looked++;
    return stateOf(id);
  };
  const answers: (number | undefined)[] = [];
  for (const id of [1n, BigInt(count)]) lessor.ask(id, true, (_error, left) => answers.push(left));
  assert.deepEqual(answers, [30_000, 30_000]);
  assert.ok(looked < 2100, `${looked} were looked at before the loop goes on`);
  // What comes and goes before its turn.
  apply(encodeCommand({ kind: "leaseRevoke", lease: 2n }));
  grantOne(count + 1);
  settle();
  const ends = lessor.ends();
  assert.equal(ends.length, count);
  const leftOf = new Map(ends.map(({ lease: id, endMs }) => [id, endMs]));
  assert.deepEqual(
    [1n, 2n, 3n, BigInt(count), BigInt(count + 1)].map((id) => leftOf.get(id)),
    [30_000, undefined, 31_000, 30_000, 30_000],
  );
  for (let passed = 0; passed < 29_900; passed += 100) tick(100);
  assert.equal(store.leases().length, count);
});
