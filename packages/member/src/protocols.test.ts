// The member drives every protocol through the one contract. The whole of its tests can be run on any of
// them (see testing/cluster.ts); here is what must never be left to somebody remembering that.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MembershipChange, Protocol } from "@althing/consensus";
import * as consensus from "@althing/consensus";
import type { ProposeOutcome } from "./contract.ts";
import { Cluster, putCommand } from "./testing/cluster.ts";
import { count } from "./testing/late-member.ts";

const protocols = [consensus.raft, consensus.paxos, consensus.zab] as unknown as Protocol[];

for (const protocol of protocols) {
  const options = { member: { protocol, snapshotCount: 250, catchUpEntries: 10 } };
  describe(protocol.name, () => {
    test("a put on any member is applied on every member", () => {
      const cluster = new Cluster(options);
      cluster.startAll();
      cluster.calm();
      for (const id of ["a", "b", "c"]) {
        assert.equal(cluster.put(cluster.member(id), `from ${id}`, "v").kind, "applied");
      }
      for (const id of ["a", "b", "c"]) {
        assert.equal(cluster.read(cluster.member(id), "from a"), "v");
      }
    });

    test("another member leads when the leader dies, and nothing acknowledged is lost", () => {
      const cluster = new Cluster(options);
      cluster.startAll();
      const former = cluster.calm();
      assert.equal(cluster.put(former, "k", "v").kind, "applied");
      cluster.kill(former.id);
      const next = cluster.awaitLeader();
      assert.equal(cluster.read(next, "k"), "v");
      cluster.start(former.id);
      cluster.settle();
      assert.equal(cluster.read(cluster.member(former.id), "k"), "v");
    });

    test("puts under way when the leader dies are answered with the next leader, not a timeout", () => {
      const cluster = new Cluster({
        ...options,
        member: { ...options.member, electionTicks: 100 },
      });
      cluster.startAll();
      const former = cluster.calm();
      const follower = cluster.follower();
      // Some of them reach the leader, some a quorum, some nobody: it dies in the midst of them.
      const outcomes: ProposeOutcome[] = [];
      for (let i = 0; i < 20; i++) {
        follower.propose(putCommand(`k${i}`, "v"), (outcome) => outcomes.push(outcome));
        cluster.world.run(0.3);
      }
      cluster.kill(former.id);
      cluster.awaitLeader();
      assert.ok(cluster.world.run(100, () => outcomes.length === 20));
      for (const outcome of outcomes) {
        if (outcome.kind === "applied") continue;
        const { code, outcome: what } = outcome.error;
        assert.deepEqual([code, what], ["leaderChanged", "unknown"]);
      }
      assert.ok(outcomes.some(({ kind }) => kind === "applied"));
      assert.ok(outcomes.some(({ kind }) => kind === "failed"));
    });

    test("a member that is fenced as corrupt never leads, but its vote counts", () => {
      const named: string[] = [];
      const steward = () => ({
        leadershipChanged() {},
        tick() {},
        receive() {},
        failAll() {},
        corruptMembers: () => named,
      });
      const cluster = new Cluster({ ...options, member: { steward } });
      cluster.startAll();
      const leader = cluster.calm();
      const fenced = cluster.follower();
      const member = fenced.id;
      named.push(member);
      assert.ok(cluster.world.run(1000, () => fenced.status().state === "corrupt"));
      let refusal: unknown = "none";
      leader.transferLeadership(member, (error) => {
        refusal = error?.code;
      });
      assert.ok(cluster.world.run(5000, () => refusal !== "none"));
      assert.notEqual(refusal, undefined);
      cluster.kill(leader.id);
      cluster.world.run(2000);
      const next = cluster.awaitLeader();
      assert.ok(next.id !== member && next.id !== leader.id);
      const roles = cluster.node(member).events.filter(({ kind }) => kind === "role.changed");
      assert.ok(roles.every(({ role }) => role !== "leader"));
    });

    test("everything acknowledged survives a crash of all members", () => {
      const cluster = new Cluster(options);
      cluster.startAll();
      cluster.putMany(cluster.awaitLeader(), 300);
      for (const id of ["a", "b", "c"]) cluster.kill(id);
      cluster.startAll();
      assert.equal(cluster.read(cluster.awaitLeader(), "many7"), "x".repeat(10));
    });

    test("a member behind the compacted log catches up by a snapshot", () => {
      const cluster = new Cluster(options);
      cluster.startAll();
      const leader = cluster.calm();
      const late = cluster.follower().id;
      cluster.kill(late);
      cluster.world.run(500);
      for (let i = 0; i < 12; i++) cluster.putMany(leader, 50, "big", 5000);
      cluster.world.run(500);
      cluster.start(late);
      cluster.settle();
      assert.ok(count(cluster.node(late), "snapshot.received") >= 1);
      assert.equal(cluster.read(cluster.member(late), "big1"), "x".repeat(5000));
    });

    test("a change that was answered outlives its leader and all that it removed", () => {
      const cluster = new Cluster(options);
      cluster.startAll();
      const leader = cluster.calm();
      const leaving = ["a", "b", "c"].filter((id) => id !== leader.id);
      const change = (...changes: MembershipChange[]) => {
        let answer: unknown = "none";
        const done = (error: unknown) => {
          answer = error;
        };
        leader.changeMembership(changes, new Uint8Array(0), done);
        for (let i = 0; i < 30_000 && answer === "none"; i++) cluster.world.run(0.1);
        assert.equal(answer, undefined);
      };
      change({ kind: "addLearner", member: "d" }, { kind: "addLearner", member: "e" });
      for (const id of ["d", "e"]) {
        cluster.addNode(id);
        cluster.start(id, { bootstrap: consensus.membershipOf([]) });
      }
      cluster.world.run(2000);
      change(
        ...leaving.map((member) => ({ kind: "remove", member }) as const),
        ...["d", "e"].map((member) => ({ kind: "promote", member }) as const),
      );
      // At that very moment; what is under way is lost with those to whom it goes.
      for (const id of [leader.id, ...leaving, "d", "e"]) cluster.kill(id);
      cluster.world.run(50);
      cluster.start("d");
      cluster.start("e");
      assert.ok(cluster.world.run(5000, () => cluster.leader !== undefined));
      assert.equal(cluster.put(cluster.leader!, "k", "v").kind, "applied");
    });

    test("a member is added, promoted and removed", () => {
      const cluster = new Cluster(options);
      cluster.startAll();
      cluster.calm();
      cluster.addNode("d");
      cluster.start("d");
      const change = (kind: "addLearner" | "promote" | "remove") => {
        let answer: unknown = "none";
        const done = (error: unknown) => {
          answer = error;
        };
        const changes = [{ kind, member: "d" }] as const;
        cluster.awaitLeader().changeMembership(changes, new Uint8Array(0), done);
        assert.ok(cluster.world.run(3000, () => answer !== "none"));
        assert.equal(answer, undefined);
        cluster.world.run(1000);
      };
      change("addLearner");
      assert.equal(cluster.member("d").status().role, "learner");
      change("promote");
      assert.deepEqual(cluster.awaitLeader().status().membership.voters, ["a", "b", "c", "d"]);
      change("remove");
      assert.deepEqual(cluster.awaitLeader().status().membership.voters, ["a", "b", "c"]);
    });
  });
}
