// What every protocol owes the runtime, whatever it does inside: one list of cases, over members in
// memory, that Raft, Paxos and Zab all pass. Nothing in here knows a message, a state or a role name
// beyond the contract's.
// It is long because it is a list.

import assert from "node:assert/strict";
import type { Entry, MemberId, MembershipChange, Protocol } from "../contract.ts";
import { isJoint, membershipOf } from "../membership/membership.ts";
import { bytesOf, Cluster, type ClusterOptions } from "./cluster.ts";

export interface ConformanceCase {
  readonly name: string;
  run(protocol: Protocol): void;
}

const electionTicks = 10;

/** A cluster of voters a, b, c, ... that has a leader. */
class Subject {
  readonly cluster: Cluster;
  #nextToken = 1;

  constructor(protocol: Protocol, voters = 3, options: Partial<ClusterOptions> = {}) {
    const ids = ["a", "b", "c", "d", "e"].slice(0, voters);
    this.cluster = new Cluster(protocol, { membership: membershipOf(ids), ...options });
    this.settle();
  }

  get leader(): MemberId {
    const leader = this.cluster.leader();
    assert(leader !== undefined, "somebody leads");
    return leader;
  }

  get followers(): MemberId[] {
    return [...this.cluster.machines.keys()].filter((id) => id !== this.leader);
  }

  /** Time passes until somebody leads and nothing is left to do. */
  settle(): void {
    this.cluster.stabilize();
    for (let i = 0; i < 30; i++) {
      this.cluster.elapse(electionTicks);
      if (this.cluster.leader() !== undefined && i >= 2) return;
    }
    assert.fail("nobody leads");
  }

  propose(id: MemberId, ...payloads: string[]): number[] {
    const proposals = payloads.map((text) => ({
      token: this.#nextToken++,
      payload: bytesOf(text),
    }));
    this.cluster.step(id, { kind: "propose", proposals });
    return proposals.map(({ token }) => token);
  }

  read(id: MemberId): number {
    const token = this.#nextToken++;
    this.cluster.step(id, { kind: "read", token });
    return token;
  }

  change(...changes: MembershipChange[]): number {
    const token = this.#nextToken++;
    const context = bytesOf("context");
    this.cluster.step(this.leader, { kind: "changeMembership", changes, context, token });
    return token;
  }

  transfer(to: MemberId): number {
    const token = this.#nextToken++;
    this.cluster.step(this.leader, { kind: "transferLeadership", to, token });
    return token;
  }

  /** What was answered to a token, in order. */
  answers(token: number): string[] {
    return this.cluster.answers.flatMap(({ effect }) => {
      if (!("token" in effect) || effect.token !== token) return [];
      return [effect.kind === "rejected" ? `rejected: ${effect.reason}` : effect.kind];
    });
  }

  /** The commands that a member's store was told, oldest first. */
  commands(id: MemberId): string[] {
    return commandsOf(this.cluster.at(id).applied);
  }

  leaderStep(input: { readonly kind: "stepDown" }): void {
    this.cluster.step(this.leader, input);
  }
}

function commandsOf(entries: readonly Entry[]): string[] {
  return entries
    .filter(({ kind }) => kind === "command")
    .map(({ payload }) => new TextDecoder().decode(payload));
}

function eachMember(subject: Subject, check: (id: MemberId) => void): void {
  for (const [id, { isUp }] of subject.cluster.machines) if (isUp) check(id);
}

/** c leads and has been asked to put d and e in the place of a and b. */
function replacing(protocol: Protocol): Cluster {
  const members = ["a", "b", "c", "d", "e"];
  const membership = membershipOf(["a", "b", "c"], ["d", "e"]);
  const cluster = new Cluster(protocol, { membership, members });
  cluster.step("c", { kind: "campaign" });
  cluster.stabilize();
  cluster.elapse(3 * electionTicks);
  assert.equal(cluster.leader(), "c");
  const changes: MembershipChange[] = [
    { kind: "remove", member: "a" },
    { kind: "remove", member: "b" },
    { kind: "promote", member: "d" },
    { kind: "promote", member: "e" },
  ];
  const context = new Uint8Array(0);
  cluster.step("c", { kind: "changeMembership", changes, context, token: 1 });
  return cluster;
}

export const conformance: readonly ConformanceCase[] = [
  {
    name: "proposals: accepted by the leader, applied everywhere, in the order they were made",
    run(protocol) {
      const subject = new Subject(protocol);
      const tokens = subject.propose(subject.leader, "1", "2", "3");
      subject.propose(subject.leader, "4");
      subject.settle();
      for (const token of tokens) assert.deepEqual(subject.answers(token), ["accepted"]);
      eachMember(subject, (id) => assert.deepEqual(subject.commands(id), ["1", "2", "3", "4"]));
    },
  },
  {
    name: "proposals: a follower refuses, and names the leader",
    run(protocol) {
      const subject = new Subject(protocol);
      const [follower] = subject.followers;
      subject.propose(follower!, "x");
      const { effect } = subject.cluster.answers.at(-1)!;
      assert.deepEqual(effect, {
        kind: "rejected",
        token: 1,
        reason: "notLeader",
        leaderHint: subject.leader,
      });
    },
  },
  {
    name: "proposals: what is too much is refused, and there is room again once it is committed",
    run(protocol) {
      const limits = { uncommittedBytesMax: 4 };
      const subject = new Subject(protocol, 3, { core: { limits } });
      const [first] = subject.propose(subject.leader, "123");
      const [second] = subject.propose(subject.leader, "456");
      subject.settle();
      const [third] = subject.propose(subject.leader, "789");
      assert.deepEqual(subject.answers(first!), ["accepted"]);
      assert.deepEqual(subject.answers(second!), ["rejected: overloaded"]);
      assert.deepEqual(subject.answers(third!), ["accepted"]);
    },
  },
  {
    name: "proposals: a quorum is needed, and enough",
    run(protocol) {
      const subject = new Subject(protocol, 5);
      const { cluster } = subject;
      const [one, two, three] = subject.followers;
      cluster.crash(one!);
      cluster.crash(two!);
      subject.propose(subject.leader, "enough");
      cluster.stabilize();
      assert.deepEqual(subject.commands(subject.leader), ["enough"]);
      cluster.crash(three!);
      subject.propose(subject.leader, "not enough");
      cluster.stabilize();
      assert.deepEqual(subject.commands(subject.leader), ["enough"]);
    },
  },
  {
    name: "durability: nothing is applied that is not on the member's own disk",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster, leader } = subject;
      subject.propose(leader, "x");
      // The leader's own write stays under way; everybody else's is done.
      for (let i = 0; i < 10; i++) {
        for (const id of subject.followers) while (cluster.persist(id));
        const { letters } = cluster;
        cluster.letters = [];
        for (const letter of letters) cluster.deliver(letter);
      }
      assert.deepEqual(subject.commands(leader), []);
      cluster.stabilize();
      assert.deepEqual(subject.commands(leader), ["x"]);
    },
  },
  {
    name: "durability: what was applied anywhere survives the crash of everybody",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster } = subject;
      subject.propose(subject.leader, "1", "2", "3");
      cluster.stabilize();
      const applied = subject.commands(subject.leader);
      assert.deepEqual(applied, ["1", "2", "3"]);
      for (const id of cluster.machines.keys()) cluster.crash(id);
      for (const id of cluster.machines.keys()) cluster.restart(id);
      subject.settle();
      subject.propose(subject.leader, "4");
      subject.settle();
      eachMember(subject, (id) => assert.deepEqual(subject.commands(id), ["1", "2", "3", "4"]));
    },
  },
  {
    name: "durability: a crash before the write lands loses it, and breaks nothing",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster, leader } = subject;
      subject.propose(leader, "lost");
      cluster.letters = [];
      cluster.crash(leader);
      cluster.restart(leader);
      subject.settle();
      subject.propose(subject.leader, "kept");
      subject.settle();
      eachMember(subject, (id) => assert.deepEqual(subject.commands(id), ["kept"]));
    },
  },
  {
    name: "leaders: the next one has all that was applied, and goes on after it",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster, leader } = subject;
      subject.propose(leader, "1", "2");
      cluster.stabilize();
      cluster.crash(leader);
      subject.settle();
      assert.notEqual(subject.leader, leader);
      subject.propose(subject.leader, "3");
      subject.settle();
      cluster.restart(leader);
      subject.settle();
      eachMember(subject, (id) => assert.deepEqual(subject.commands(id), ["1", "2", "3"]));
    },
  },
  {
    name: "leaders: one that is cut off leads nobody after a while, and follows when it is back",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster, leader } = subject;
      cluster.isolate(leader);
      subject.propose(leader, "of nobody");
      for (let i = 0; i < 6; i++) cluster.elapse(electionTicks);
      assert.notEqual(cluster.at(leader).core.status().role, "leader");
      assert.notEqual(subject.leader, leader);
      subject.propose(subject.leader, "of all");
      cluster.stabilize();
      cluster.heal();
      subject.settle();
      eachMember(subject, (id) => assert.deepEqual(subject.commands(id), ["of all"]));
    },
  },
  {
    name: "leaders: a member that steps down hands over to another",
    run(protocol) {
      const subject = new Subject(protocol);
      const { leader } = subject;
      subject.leaderStep({ kind: "stepDown" });
      subject.settle();
      assert.notEqual(subject.leader, leader);
    },
  },
  {
    name: "leaders: a member that is not fit hands over, and leads no more however it is asked",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster, leader } = subject;
      cluster.step(leader, { kind: "fitness", isFit: false });
      subject.settle();
      assert.notEqual(subject.leader, leader);
      cluster.step(leader, { kind: "campaign" });
      subject.transfer(leader);
      for (let i = 0; i < 6; i++) cluster.elapse(electionTicks);
      assert.notEqual(subject.leader, leader);
      assert.equal(cluster.at(leader).core.status().role, "follower");
      cluster.step(leader, { kind: "fitness", isFit: true });
      subject.transfer(leader);
      subject.settle();
      assert.equal(subject.leader, leader);
    },
  },
  {
    name: "leaders: one that is not fit brings the only follower that is left up to date before it goes",
    run(protocol) {
      for (const isCompacted of [false, true]) {
        const limits = { messageBytesMax: 3, messagesInFlightMax: 2 };
        const subject = new Subject(protocol, 3, { core: { limits } });
        const { cluster, leader } = subject;
        const [late, other] = subject.followers as [MemberId, MemberId];
        cluster.isolate(late);
        for (let i = 0; i < 200; i++) subject.propose(leader, `${i}`);
        for (let i = 0; i < 3; i++) cluster.elapse(electionTicks);
        cluster.crash(other);
        if (isCompacted) cluster.compact(leader);
        cluster.heal();
        cluster.letters = [];
        cluster.snapshots = [];
        // Heard again for a while, it is still far behind when the leader must go: a few messages pass
        // in each tick.
        for (let tick = 0; tick < 600; tick++) {
          if (tick === 28) cluster.step(leader, { kind: "fitness", isFit: false });
          cluster.nowMs += 10;
          for (const id of [leader, late]) cluster.tick(id);
          for (const id of [leader, late]) while (cluster.persist(id));
          for (const letter of cluster.letters.splice(0, 6)) cluster.deliver(letter);
          if (tick % 60 === 59) cluster.sendSnapshot();
          cluster.install(late);
        }
        assert.equal(cluster.leader(), late, isCompacted ? "by a snapshot" : "by the log");
      }
    },
  },
  {
    name: "leaders: a member that becomes unfit while it stands for election does not win it",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster } = subject;
      const [one, other] = subject.followers;
      cluster.crash(subject.leader);
      cluster.step(one!, { kind: "campaign" });
      cluster.step(one!, { kind: "fitness", isFit: false });
      for (let i = 0; i < 6; i++) cluster.elapse(electionTicks);
      assert.equal(cluster.at(one!).core.status().leader, other);
      assert.equal(cluster.at(other!).core.status().role, "leader");
    },
  },
  {
    name: "leaders: what only a member that is not fit still holds is never led past, and leads on once another has it",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster, leader } = subject;
      const [complete, behind] = subject.followers as [MemberId, MemberId];
      cluster.crash(behind);
      subject.propose(leader, "committed");
      cluster.stabilize();
      cluster.crash(complete);
      cluster.step(leader, { kind: "fitness", isFit: false });
      for (let i = 0; i < 2; i++) cluster.elapse(electionTicks);
      // It brings nobody up to date any more: who was away finds it following.
      cluster.restart(behind);
      for (let i = 0; i < 12; i++) cluster.elapse(electionTicks);
      const interim = cluster.leader();
      // Paxos learns from the promise; where a log decides who may lead, nobody may.
      assert.equal(interim, protocol.name === "paxos" ? behind : undefined);
      if (interim !== undefined) assert.deepEqual(subject.commands(behind), ["committed"]);
      cluster.restart(complete);
      subject.settle();
      assert.notEqual(subject.leader, leader);
      subject.propose(subject.leader, "after");
      subject.settle();
      eachMember(subject, (id) => assert.deepEqual(subject.commands(id), ["committed", "after"]));
    },
  },
  {
    name: "leaders: where one member alone still reaches the others, it comes to lead",
    run(protocol) {
      for (const hub of ["a", "b", "c", "d", "e"]) {
        const subject = new Subject(protocol, 5);
        const { cluster } = subject;
        subject.propose(subject.leader, "before");
        subject.settle();
        const ids = [...cluster.machines.keys()].filter((id) => id !== hub);
        for (const id of ids) for (const other of ids) if (id !== other) cluster.cut(id, other);
        for (let i = 0; i < 12; i++) cluster.elapse(electionTicks);
        assert.equal(cluster.leader(), hub);
        subject.propose(hub, "in spite of it");
        for (let i = 0; i < 3; i++) cluster.elapse(electionTicks);
        const expected = ["before", "in spite of it"];
        eachMember(subject, (id) => assert.deepEqual(subject.commands(id), expected));
      }
    },
  },
  {
    name: "leaders: epochs never go back, for anybody",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster } = subject;
      const epochs = new Map<MemberId, number>();
      for (let i = 0; i < 4; i++) {
        subject.leaderStep({ kind: "stepDown" });
        subject.settle();
        eachMember(subject, (id) => {
          const { epoch } = cluster.at(id).core.status();
          assert(epoch >= (epochs.get(id) ?? 0), `${id} went back to epoch ${epoch}`);
          epochs.set(id, epoch);
        });
      }
    },
  },
  {
    name: "reads: at the leader and at a follower, at or after all that was applied before",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster } = subject;
      subject.propose(subject.leader, "1", "2");
      cluster.stabilize();
      const { index } = cluster.at(subject.leader).store;
      for (const id of cluster.machines.keys()) {
        const token = subject.read(id);
        cluster.stabilize();
        const answer = cluster.answers.find(
          ({ effect }) => "token" in effect && effect.token === token,
        );
        assert.equal(answer?.effect.kind, "readReady");
        assert(answer.effect.kind === "readReady" && answer.effect.index >= index);
        assert.equal(answer.member, id);
      }
    },
  },
  {
    name: "reads: a leader that was replaced without knowing answers none from what it has",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster, leader } = subject;
      cluster.isolate(leader);
      const token = subject.read(leader);
      for (let i = 0; i < 6; i++) cluster.elapse(electionTicks);
      assert(!subject.answers(token).includes("readReady"));
      assert.equal(subject.answers(token).length, 1, "it is told that it must ask again");
    },
  },
  {
    name: "reads: no lease rests on a member that would not know after a crash that it ever was one",
    run(protocol) {
      const options = { core: { reads: "lease" as const } };
      const membership = membershipOf(["a", "b", "c"]);
      const cluster = new Cluster(protocol, { membership, ...options });
      cluster.crash("c");
      for (let i = 0; i < 30 && cluster.leader() === undefined; i++) cluster.elapse(electionTicks);
      const leader = cluster.leader()!;
      cluster.restart("c");
      assert.equal(cluster.at("c").disk.state, undefined);
      // It follows, and answers as a follower does, but its disk is slow.
      const answers = () => {
        const before = cluster.letters.splice(0);
        const told = before.map(({ bytes }) => {
          return protocol.describeMessage(protocol.decodeMessage(bytes));
        });
        const isAnswer = (letter: string) => /heartbeatResponse|pong/.test(letter);
        const found = before.some(({ from }, i) => from === "c" && isAnswer(told[i]!));
        for (const letter of before) cluster.deliver(letter);
        return found;
      };
      let answered = false;
      for (let i = 0; i < 20; i++) {
        cluster.nowMs += 10;
        for (const id of cluster.machines.keys()) cluster.tick(id);
        for (let turn = 0; turn < 4; turn++) {
          for (const id of ["a", "b"]) while (cluster.persist(id));
          if (answers()) answered = true;
        }
      }
      assert.equal(cluster.at("c").core.status().leader, leader, "it follows");
      assert.equal(answered, false);
      while (cluster.persist("c"));
      for (let i = 0; i < 10; i++) {
        cluster.nowMs += 10;
        cluster.tick(leader);
        for (let turn = 0; turn < 4; turn++) {
          for (const id of cluster.machines.keys()) while (cluster.persist(id));
          if (answers()) answered = true;
        }
      }
      assert(answered, "once it is on disk");
    },
  },
  {
    name: "reads: under a lease also the only voter waits after a restart, for it may follow one that left",
    run(protocol) {
      const subject = new Subject(protocol, 1, { core: { reads: "lease" } });
      const { cluster } = subject;
      cluster.crash("a");
      cluster.restart("a");
      cluster.elapse(electionTicks - 1);
      assert.equal(cluster.leader(), undefined);
      subject.settle();
      const token = subject.read("a");
      cluster.elapse(1);
      assert.deepEqual(subject.answers(token), ["readReady"]);
    },
  },
  {
    name: "reads: from a lease, at once and only while it lasts",
    run(protocol) {
      const subject = new Subject(protocol, 3, { core: { reads: "lease" } });
      const { cluster } = subject;
      const { leader } = subject;
      cluster.elapse(electionTicks);
      const token = subject.read(leader);
      assert.deepEqual(subject.answers(token), ["readReady"], "without any message");
      cluster.isolate(leader);
      cluster.nowMs += 1000;
      const late = subject.read(leader);
      assert.deepEqual(subject.answers(late), []);
    },
  },
  {
    name: "membership: a voter joins, is brought up to date, and counts",
    run(protocol) {
      const subject = new Subject(protocol, 3, { members: ["a", "b", "c", "d"] });
      const { cluster } = subject;
      subject.propose(subject.leader, "before");
      cluster.stabilize();
      const token = subject.change({ kind: "addVoter", member: "d" });
      subject.settle();
      assert.deepEqual(subject.answers(token), ["accepted"]);
      const { membership } = cluster.at(subject.leader).core.status();
      assert.deepEqual(membership, membershipOf(["a", "b", "c", "d"]));
      subject.propose(subject.leader, "after");
      subject.settle();
      assert.deepEqual(subject.commands("d"), ["before", "after"]);
      // Four voters: two are no quorum any more.
      const [one, two] = subject.followers;
      cluster.crash(one!);
      cluster.crash(two!);
      subject.propose(subject.leader, "never");
      cluster.stabilize();
      assert(!subject.commands(subject.leader).includes("never"));
    },
  },
  {
    name: "membership: a voter leaves, also the leader itself",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster, leader } = subject;
      subject.change({ kind: "remove", member: leader });
      subject.settle();
      assert.notEqual(subject.leader, leader);
      const { membership } = cluster.at(subject.leader).core.status();
      assert.deepEqual(
        membership.voters,
        ["a", "b", "c"].filter((id) => id !== leader),
      );
      assert.equal(isJoint(membership), false);
      cluster.crash(leader);
      subject.propose(subject.leader, "without it");
      cluster.stabilize();
      assert.deepEqual(subject.commands(subject.leader), ["without it"]);
    },
  },
  {
    name: "membership: a learner receives all, counts for nothing, and is promoted once caught up",
    run(protocol) {
      const subject = new Subject(protocol, 3, { members: ["a", "b", "c", "d"] });
      const { cluster } = subject;
      subject.change({ kind: "addLearner", member: "d" });
      subject.settle();
      subject.propose(subject.leader, "1");
      subject.settle();
      assert.deepEqual(subject.commands("d"), ["1"]);
      assert.equal(cluster.at("d").core.status().role, "learner");
      const token = subject.change({ kind: "promote", member: "d" });
      subject.settle();
      assert.deepEqual(subject.answers(token), ["accepted"]);
      assert.equal(cluster.at("d").core.status().role, "follower");
    },
  },
  {
    name: "membership: a learner that lags is not promoted",
    run(protocol) {
      const subject = new Subject(protocol, 3, { members: ["a", "b", "c", "d"] });
      const { cluster } = subject;
      subject.change({ kind: "addLearner", member: "d" });
      subject.settle();
      cluster.isolate("d");
      subject.propose(subject.leader, "1", "2", "3");
      for (let i = 0; i < 4; i++) cluster.elapse(electionTicks);
      const token = subject.change({ kind: "promote", member: "d" });
      assert.deepEqual(subject.answers(token), ["rejected: learnerNotCaughtUp"]);
    },
  },
  {
    name: "membership: one change at a time, and none that makes no sense",
    run(protocol) {
      const subject = new Subject(protocol, 3, { members: ["a", "b", "c", "d", "e"] });
      const first = subject.change({ kind: "addVoter", member: "d" });
      const second = subject.change({ kind: "addVoter", member: "e" });
      subject.settle();
      const third = subject.change({ kind: "remove", member: "e" });
      assert.deepEqual(subject.answers(first), ["accepted"]);
      assert.deepEqual(subject.answers(second), ["rejected: membershipChangeInProgress"]);
      assert.deepEqual(subject.answers(third), ["rejected: membershipChangeInvalid"]);
    },
  },
  {
    name: "membership: once settled it needs neither those that left nor any one of those that stay",
    run(protocol) {
      for (const lost of ["c", "d", "e"]) {
        const cluster = replacing(protocol);
        const isSettled = () =>
          cluster.answers.some(({ effect }) => effect.kind === "membershipSettled");
        // Message by message and disks last, so that no more is done than it takes to be told so.
        const ids = [...cluster.machines.keys()];
        for (let i = 0; i < 4000 && !isSettled(); i++) {
          const letter = cluster.letters.shift();
          if (letter !== undefined) cluster.deliver(letter);
          else if (!ids.some((id) => cluster.persist(id))) for (const id of ids) cluster.tick(id);
        }
        assert(isSettled(), "the change is settled");
        cluster.letters = [];
        for (const id of ["a", "b", lost]) cluster.crash(id);
        const stay = ["c", "d", "e"].filter((id) => id !== lost);
        // Also when the lights go out: what was only in memory is gone.
        for (const id of stay) cluster.crash(id);
        for (const id of stay) cluster.restart(id);
        for (let i = 0; i < 30 && cluster.leader() === undefined; i++)
          cluster.elapse(electionTicks);
        const leader = cluster.leader();
        assert(leader !== undefined, `somebody leads without ${lost}`);
        cluster.elapse(electionTicks);
        const token = 99;
        cluster.step(leader, { kind: "propose", proposals: [{ token, payload: bytesOf("on") }] });
        cluster.elapse(electionTicks);
        assert.deepEqual(commandsOf(cluster.at(leader).applied), ["on"]);
      }
    },
  },
  {
    name: "membership: it survives a restart, and comes with a snapshot",
    run(protocol) {
      const subject = new Subject(protocol, 3, { members: ["a", "b", "c", "d"] });
      const { cluster } = subject;
      subject.change({ kind: "addLearner", member: "d" });
      subject.settle();
      for (const id of ["a", "b", "c"]) cluster.compact(id);
      for (const id of cluster.machines.keys()) cluster.crash(id);
      for (const id of cluster.machines.keys()) cluster.restart(id);
      subject.settle();
      eachMember(subject, (id) =>
        assert.deepEqual(
          cluster.at(id).core.status().membership,
          membershipOf(["a", "b", "c"], ["d"]),
        ),
      );
    },
  },
  {
    name: "transfer: the named voter leads, and whoever asked is told",
    run(protocol) {
      const subject = new Subject(protocol);
      subject.propose(subject.leader, "1");
      subject.cluster.stabilize();
      const to = subject.followers[1]!;
      const token = subject.transfer(to);
      subject.cluster.stabilize();
      assert.equal(subject.leader, to);
      assert.deepEqual(subject.answers(token), ["transferred"]);
      subject.propose(to, "2");
      subject.settle();
      eachMember(subject, (id) => assert.deepEqual(subject.commands(id), ["1", "2"]));
    },
  },
  {
    name: "transfer: to nobody and to one that is away it ends, and proposals go on",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster, leader } = subject;
      assert.deepEqual(subject.answers(subject.transfer("x")), ["rejected: transfereeInvalid"]);
      const away = subject.followers[0]!;
      cluster.crash(away);
      const token = subject.transfer(away);
      const [refused] = subject.propose(leader, "not now");
      assert.match(subject.answers(refused!).join(), /^rejected: (leadershipTransfer|notLeader)/);
      subject.settle();
      assert.match(subject.answers(token).join(), /^rejected: (timedOut|leadershipLost)$/);
      subject.propose(subject.leader, "again");
      cluster.stabilize();
      assert.deepEqual(subject.commands(subject.leader), ["again"]);
    },
  },
  {
    name: "snapshot: who is too far behind for the log gets one, and goes on from there",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster } = subject;
      const away = subject.followers[0]!;
      cluster.crash(away);
      subject.propose(subject.leader, "1", "2", "3");
      cluster.stabilize();
      eachMember(subject, (id) => cluster.compact(id));
      cluster.restart(away);
      subject.settle();
      subject.propose(subject.leader, "4");
      subject.settle();
      assert.deepEqual(subject.commands(away), ["4"], "the rest came as a snapshot");
      const { index } = cluster.at(subject.leader).store;
      assert.equal(cluster.at(away).store.index, index);
    },
  },
  {
    name: "snapshot: who is putting one in place is sent no other, and who lost it is",
    run(protocol) {
      let sent = 0;
      const onTrace = (line: string) => {
        if (line.includes(" send a snapshot to ")) sent++;
      };
      const subject = new Subject(protocol, 3, { onTrace });
      const { cluster } = subject;
      const away = subject.followers[0]!;
      const { leader } = subject;
      cluster.crash(away);
      subject.propose(leader, "1", "2", "3");
      cluster.stabilize();
      eachMember(subject, (id) => cluster.compact(id));
      cluster.restart(away);
      const goOn = (ticks: number, until = () => false) => {
        for (let i = 0; i < ticks && !until(); i++) {
          cluster.nowMs += 10;
          for (const id of cluster.machines.keys()) cluster.tick(id);
          cluster.stabilize({ installs: false });
        }
      };
      goOn(100, () => cluster.at(away).installs.length > 0);
      assert.equal(cluster.at(away).installs.length, 1);
      sent = 0;
      goOn(20);
      assert.equal(sent, 0, "it has one");
      cluster.crash(away);
      cluster.restart(away);
      for (const id of [leader, ...subject.followers]) {
        if (id !== away) cluster.step(id, { kind: "connected", peer: away });
      }
      cluster.elapse(30);
      assert.equal(cluster.at(away).store.index, cluster.at(subject.leader).store.index);
    },
  },
  {
    name: "snapshot: a stream that breaks is begun again, not in a loop",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster } = subject;
      const away = subject.followers[0]!;
      cluster.crash(away);
      subject.propose(subject.leader, "1", "2", "3");
      cluster.stabilize();
      eachMember(subject, (id) => cluster.compact(id));
      cluster.restart(away);
      for (let i = 0; i < 20 && cluster.snapshots.length === 0; i++) {
        cluster.tick(subject.leader);
        for (let turn = 0; turn < 4; turn++) {
          for (const id of cluster.machines.keys()) while (cluster.persist(id));
          const { letters } = cluster;
          cluster.letters = [];
          for (const letter of letters) cluster.deliver(letter);
        }
      }
      assert.equal(cluster.snapshots.length, 1);
      cluster.sendSnapshot(false);
      assert.equal(cluster.snapshots.length, 0, "not before a sign of life");
      subject.settle();
      const { index } = cluster.at(subject.leader).store;
      assert.equal(cluster.at(away).store.index, index);
    },
  },
  {
    name: "restart: of a single member, at once and with all it had",
    run(protocol) {
      const subject = new Subject(protocol, 1);
      const { cluster } = subject;
      subject.propose("a", "1", "2");
      cluster.stabilize();
      cluster.crash("a");
      cluster.restart("a");
      cluster.elapse(2);
      assert.equal(cluster.leader(), "a", "it need not wait for anybody");
      subject.propose("a", "3");
      cluster.stabilize();
      assert.deepEqual(subject.commands("a"), ["1", "2", "3"]);
    },
  },
  {
    name: "restart: what the store holds is never applied again",
    run(protocol) {
      const subject = new Subject(protocol);
      const { cluster } = subject;
      subject.propose(subject.leader, "1", "2");
      subject.settle();
      const [follower] = subject.followers;
      for (let i = 0; i < 3; i++) {
        cluster.crash(follower!);
        cluster.restart(follower!);
        subject.settle();
      }
      assert.deepEqual(subject.commands(follower!), ["1", "2"]);
    },
  },
  {
    name: "bytes: messages and state come back from their bytes as they were",
    run(protocol) {
      // The cluster passes everything through the codecs; here what is not of the protocol.
      for (const bytes of [[], [0], [255, 255, 255], [1, 2, 3, 4, 5, 6, 7, 8]]) {
        try {
          protocol.decodeMessage(Uint8Array.from(bytes));
        } catch (error) {
          assert.equal((error as { code?: string }).code, "malformedBytes");
        }
      }
    },
  },
];
