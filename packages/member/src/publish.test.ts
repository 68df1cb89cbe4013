import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "./testing/cluster.ts";

test("every member publishes its name, addresses and disk identity once", () => {
  const cluster = new Cluster();
  cluster.startAll();
  cluster.awaitLeader();
  const known = () => cluster.awaitLeader().roster().length === 3;
  assert.ok(cluster.world.run(1000, known));
  cluster.settle();
  assert.deepEqual(
    cluster
      .awaitLeader()
      .roster()
      .map(({ member, name, incarnation, peerUrls, clientUrls }) => ({
        member,
        name,
        incarnation,
        peerUrls,
        clientUrls,
      })),
    ["a", "b", "c"].map((id) => ({
      member: id,
      name: id,
      incarnation: `${id}-1`,
      peerUrls: [`tcp://${id}`],
      clientUrls: [`http://${id}`],
    })),
  );
  const before = cluster.awaitLeader().stateMachine.appliedIndex;
  cluster.world.run(2000);
  assert.equal(cluster.awaitLeader().stateMachine.appliedIndex, before);
});

test("a member that comes back with other addresses publishes them", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const id = cluster.follower().id;
  cluster.world.run(500);
  cluster.kill(id);
  const attributes = { name: "moved", peerUrls: ["tcp://elsewhere"], clientUrls: [] };
  cluster.start(id, { attributes });
  const moved = () =>
    cluster
      .awaitLeader()
      .roster()
      .some(({ name }) => name === "moved");
  assert.ok(cluster.world.run(2000, moved));
});

test("reformatted-node-forgets-promise: a wiped member is refused and told what to do", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.awaitLeader();
  const wiped = cluster.follower().id;
  const published = () => leader.roster().length === 3;
  assert.ok(cluster.world.run(1000, published));
  cluster.settle();
  cluster.kill(wiped);
  cluster.wipe(wiped);
  cluster.start(wiped);
  cluster.world.run(2000);
  const { refusals } = cluster.node(wiped);
  assert.equal(refusals.length, 2);
  assert.match(refusals[0]!, /Remove the member .* add it anew/);
  assert.equal(cluster.member(wiped).status().lastIndex, 0);
  // Not even after a restart of the others, when nobody leads yet.
  for (const id of ["a", "b", "c"]) if (id !== wiped) cluster.kill(id);
  for (const id of ["a", "b", "c"]) if (id !== wiped) cluster.start(id);
  const again = cluster.node(wiped).refusals.length + others(cluster, wiped);
  assert.ok(again >= 4);
  assert.equal(cluster.put(cluster.awaitLeader(), "k", "v").kind, "applied");
});

test("reformatted-node-forgets-promise: a member that lags behind the publication refuses too", () => {
  const cluster = new Cluster();
  // c has met the others and hears nothing that they decide.
  cluster.filter = (from, to) => from !== "c" && to !== "c";
  cluster.startAll();
  assert.equal(cluster.put(cluster.awaitLeader(), "k", "v").kind, "applied");
  for (const id of ["a", "b", "c"]) cluster.kill(id);
  cluster.wipe("a");
  cluster.filter = () => true;
  cluster.start("c");
  cluster.start("a");
  cluster.world.run(5000);
  for (const id of ["a", "c"]) assert.notEqual(cluster.member(id).status().role, "leader");
  assert.match(cluster.node("a").refusals[0]!, /Remove the member .* add it anew/);
  cluster.start("b");
  assert.equal(cluster.read(cluster.awaitLeader(), "k"), "v");
});

function others(cluster: Cluster, wiped: string): number {
  let count = 0;
  for (const node of cluster.nodes.values()) if (node.id !== wiped) count += node.refusals.length;
  return count;
}

test("removed and added anew, a wiped member is let in", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.awaitLeader();
  const id = cluster.follower().id;
  assert.ok(cluster.world.run(1000, () => leader.roster().length === 3));
  cluster.settle();
  cluster.kill(id);
  const change = (kind: "remove" | "addLearner") => {
    let answer: { code?: string } | undefined | "none" = "none";
    leader.changeMembership([{ kind, member: id }], new Uint8Array(0), (error) => {
      answer = error;
    });
    assert.ok(cluster.world.run(3000, () => answer !== "none"));
    return answer as { code?: string } | undefined;
  };
  assert.equal(change("remove"), undefined);
  assert.equal(change("addLearner")?.code, "membershipChangeInProgress");
  assert.ok(cluster.world.run(1000, () => leader.roster().length === 2));
  assert.equal(change("addLearner"), undefined);
  // Followers may hear of it a message later than the leader.
  cluster.world.run(50);
  cluster.wipe(id);
  cluster.start(id);
  assert.ok(cluster.world.run(3000, () => leader.roster().length === 3));
  assert.deepEqual(cluster.node(id).refusals, []);
});

test("a stranger is refused by a member that knows the membership, not by one that does not", () => {
  const cluster = new Cluster();
  const a = cluster.start("a");
  assert.equal(a.admit("z", "z-1"), undefined);
  cluster.start("b");
  cluster.start("c");
  cluster.awaitLeader();
  cluster.settle();
  cluster.world.run(200);
  assert.match(cluster.awaitLeader().admit("z", "z-1") ?? "", /not a member of this cluster/);
});

test("who was removed and added again meanwhile is let in on the word of one that knows", () => {
  const cluster = new Cluster({ ids: ["a", "b", "c", "d"] });
  cluster.startAll();
  const leader = cluster.calm();
  const [moved, away] = [...cluster.nodes.keys()].filter((id) => id !== leader.id) as [
    string,
    string,
  ];
  const change = (kind: "remove" | "addVoter"): void => {
    let answer: { code?: string } | undefined | "none" = "none";
    leader.changeMembership([{ kind, member: moved }], new Uint8Array(0), (error) => {
      answer = error;
    });
    assert.ok(cluster.world.run(3000, () => answer !== "none"));
    assert.equal(answer, undefined);
  };
  const wasMember = leader.memberAsOf(moved);
  change("remove");
  const knows = () => cluster.member(away).knownWithout(moved) !== undefined;
  assert.ok(cluster.world.run(1000, knows));
  assert.ok(cluster.world.run(1000, () => leader.roster().length === 3));
  cluster.isolate(away);
  change("addVoter");
  assert.ok(cluster.world.run(3000, () => cluster.member(away).status().leader === undefined));
  const admit = (asOf?: number) => cluster.member(away).admit(moved, `${moved}-1`, asOf);
  assert.match(admit() ?? "", /was removed/);
  assert.match(admit(wasMember) ?? "", /was removed/);
  assert.equal(admit(leader.memberAsOf(moved)), undefined);
});
