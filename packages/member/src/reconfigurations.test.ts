import assert from "node:assert/strict";
import { test } from "node:test";
import { membershipOf } from "@althing/consensus";
import type { Member, MemberError, Reconfiguration } from "./contract.ts";
import {
  type ClusterView,
  decodeReconfiguration,
  encodeReconfiguration,
  reconfigurationFault,
} from "./reconfiguration.ts";
import { Roster } from "./roster/roster.ts";
import { Cluster, type TestMember } from "./testing/cluster.ts";

type Answer = MemberError | undefined;

function ask(on: Member, request: Reconfiguration): { answer: Answer | "none" } {
  const asked: { answer: Answer | "none" } = { answer: "none" };
  on.reconfigure(request, (error) => {
    asked.answer = error;
  });
  return asked;
}

function answerOf(cluster: Cluster, on: Member, request: Reconfiguration): string {
  const asked = ask(on, request);
  assert.ok(cluster.world.run(5000, () => asked.answer !== "none"));
  return asked.answer === undefined ? "done" : (asked.answer as MemberError).code;
}

const add = (member: string, as: "voter" | "learner" = "voter"): Reconfiguration => ({
  kind: "add",
  member,
  peerUrls: [`tcp://${member}`],
  as,
  strict: true,
});
const remove = (member: string): Reconfiguration => ({ kind: "remove", member, strict: true });

function join(cluster: Cluster, id: string): TestMember {
  cluster.addNode(id);
  return cluster.start(id, { bootstrap: membershipOf([]) });
}

const votersOf = (member: Member) => member.core.status().membership.voters;

test("a member added on a follower is known by its addresses everywhere, and votes once it has caught up", () => {
  const cluster = new Cluster();
  cluster.startAll();
  cluster.calm();
  cluster.putMany(cluster.awaitLeader(), 50, "k", 100);
  assert.equal(answerOf(cluster, cluster.follower(), add("d")), "done");
  cluster.world.run(500);
  for (const { member } of cluster.nodes.values()) {
    const known = member!.roster().find((one) => one.member === "d");
    assert.deepEqual(
      [known?.peerUrls, known?.incarnation, known?.votesWhenReady],
      [["tcp://d"], "", true],
    );
    // Until it has started it only listens, and no quorum waits for it.
    assert.deepEqual(member!.core.status().membership.learners, ["d"]);
  }
  const joined = join(cluster, "d");
  const leader = cluster.awaitLeader();
  assert.ok(cluster.world.run(3000, () => votersOf(leader).includes("d")));
  cluster.settle();
  assert.deepEqual(votersOf(joined), ["a", "b", "c", "d"]);
  assert.deepEqual(joined.stateMachine.stateHash(), leader.stateMachine.stateHash());
  assert.equal(
    leader.roster().find((one) => one.member === "d")?.incarnation,
    cluster.node("d").incarnation,
  );
});

test("a single member stays able to write while the second, added, has not started", () => {
  const cluster = new Cluster({ ids: ["a"] });
  cluster.startAll();
  const leader = cluster.calm();
  assert.equal(answerOf(cluster, leader, add("b")), "done");
  assert.equal(cluster.put(leader, "k", "v").kind, "applied");
  // A third would have to rely on one that nobody has seen yet.
  assert.equal(answerOf(cluster, leader, add("c")), "notEnoughStarted");
  join(cluster, "b");
  assert.ok(cluster.world.run(3000, () => votersOf(leader).length === 2));
});

test("a learner stays one until it is promoted, and only one is admitted", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.calm();
  const follower = cluster.follower();
  assert.equal(answerOf(cluster, follower, add("d", "learner")), "done");
  assert.equal(answerOf(cluster, follower, add("e", "learner")), "tooManyLearners");
  assert.equal(answerOf(cluster, follower, { kind: "promote", member: "d" }), "learnerNotCaughtUp");
  join(cluster, "d");
  cluster.world.run(1500);
  assert.deepEqual(leader.core.status().membership.learners, ["d"]);
  assert.equal(answerOf(cluster, follower, { kind: "promote", member: "a" }), "notALearner");
  assert.equal(answerOf(cluster, follower, { kind: "promote", member: "x" }), "memberUnknown");
  assert.equal(answerOf(cluster, follower, { kind: "promote", member: "d" }), "done");
  assert.ok(votersOf(cluster.awaitLeader()).includes("d"));
});

test("a removal is refused while the rest could not decide anything, and forgotten once it is made", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.calm();
  const [one, other] = ["a", "b", "c"].filter((id) => id !== leader.id) as [string, string];
  cluster.kill(one);
  cluster.world.run(500);
  assert.equal(answerOf(cluster, leader, remove(other)), "unhealthy");
  assert.equal(answerOf(cluster, leader, remove("x")), "memberUnknown");
  assert.equal(answerOf(cluster, cluster.member(other), remove(one)), "done");
  assert.ok(cluster.world.run(1000, () => leader.roster().length === 2));
  assert.deepEqual(votersOf(leader), [leader.id, other].sort());
});

test("a change whose leader dies before it answers is asked again, and made once", () => {
  const cluster = new Cluster();
  cluster.startAll();
  const leader = cluster.calm();
  const follower = cluster.follower();
  // The change is made; the word about it is lost with the leader.
  cluster.filter = (_from, _to, message) => message.kind !== "adminDone";
  const asked = ask(follower, add("d"));
  const made = () => leader.core.status().membership.learners.includes("d");
  assert.ok(cluster.world.run(1000, made));
  cluster.world.run(50);
  cluster.kill(leader.id);
  cluster.filter = () => true;
  assert.ok(cluster.world.run(2000, () => asked.answer !== "none"));
  assert.equal(asked.answer, undefined);
  assert.deepEqual(cluster.awaitLeader().core.status().membership.learners, ["d"]);
});

test("without a leader a change is certainly not made, and the answer says so", () => {
  const cluster = new Cluster();
  cluster.startAll();
  cluster.calm();
  const follower = cluster.follower();
  for (const id of ["a", "b", "c"]) if (id !== follower.id) cluster.kill(id);
  cluster.world.run(1000);
  const asked = ask(follower, remove("a"));
  assert.ok(cluster.world.run(5000, () => asked.answer !== "none"));
  const { code, outcome } = asked.answer as MemberError;
  assert.deepEqual([code, outcome], ["noLeader", "notExecuted"]);
});

test("addresses and ids in use are refused, also those of a member that has not started", () => {
  const published = [
    {
      kind: "publishMember",
      member: "a",
      name: "a",
      peerUrls: ["u"],
      clientUrls: [],
      incarnation: "i",
    },
    {
      kind: "publishMember",
      member: "b",
      name: "",
      peerUrls: ["w"],
      clientUrls: [],
      incarnation: "",
    },
  ] as const;
  const view: ClusterView = {
    membership: membershipOf(["a"], ["b"]),
    published,
    active: new Set(["a"]),
  };
  const fault = (member: string, url: string) =>
    reconfigurationFault(
      { kind: "add", member, peerUrls: [url], as: "voter", strict: false },
      view,
    );
  assert.deepEqual(
    [fault("a", "x"), fault("b", "x"), fault("c", "u"), fault("c", "w"), fault("c", "x")],
    ["memberExists", "memberExists", "peerUrlTaken", "peerUrlTaken", undefined],
  );
});

test("a reconfiguration comes back as it was encoded, junk does not come back", () => {
  const roster = new Roster(undefined, new Uint8Array(0));
  const requests: Reconfiguration[] = [
    add("d"),
    { ...add("e", "learner"), strict: false } as Reconfiguration,
    remove("a"),
    { kind: "promote", member: "b" },
  ];
  for (const request of requests) {
    const bytes = encodeReconfiguration(request, roster);
    assert.deepEqual(decodeReconfiguration(bytes, roster), request);
    assert.equal(decodeReconfiguration(bytes.subarray(0, bytes.length - 1), roster), undefined);
  }
  assert.equal(decodeReconfiguration(new Uint8Array([9, 1, 8, 0]), roster), undefined);
});
