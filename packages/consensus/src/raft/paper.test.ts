// The claims of the Raft paper (Ongaro, Ousterhout 2014) and of the dissertation (Ongaro 2014,
// chapters 3, 4, 6 and 10) that one core, or a few of them, can show: a test each, with its section.
// It is long because the papers make many claims, and a reader looks for all of them in one place.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CoreOptions, Entry, MemberId } from "../contract.ts";
import { isJoint, membershipOf } from "../membership/membership.ts";
import { bytesOf, type Cluster, type ClusterOptions, clusterOf } from "../testing/cluster.ts";
import type { RaftState } from "./durable-state.ts";
import type { RaftInspection } from "./inspect.ts";
import type { RaftMessage } from "./messages.ts";
import type { RaftEffect } from "./outbox.ts";
import { type RaftCore, raft } from "./raft.ts";

type RaftCluster = Cluster<RaftMessage, RaftState>;

/** `count` members, led by a. */
function led(count = 3, options: Partial<ClusterOptions> = {}): RaftCluster {
  const cluster = clusterOf(raft, count, options);
  cluster.step("a", { kind: "campaign" });
  cluster.stabilize();
  assert.equal(cluster.leader(), "a");
  return cluster;
}

function propose(cluster: RaftCluster, id: MemberId, ...payloads: string[]): void {
  const proposals = payloads.map((text, i) => ({ token: 1000 + i, payload: bytesOf(text) }));
  cluster.step(id, { kind: "propose", proposals });
}

function inspect(cluster: RaftCluster, id: MemberId): RaftInspection {
  return cluster.at(id).core.inspect() as RaftInspection;
}

function terms(cluster: RaftCluster, id: MemberId): number[] {
  return inspect(cluster, id).entries.map((entry) => entry.epoch);
}

function entry(index: number, epoch: number): Entry {
  return { index, epoch, proposer: "", kind: "command", payload: bytesOf(`${index}@${epoch}`) };
}

/** One member of a, b, c with a log of these terms. */
function memberWith(logTerms: readonly number[], options: Partial<CoreOptions> = {}): RaftCore {
  const term = logTerms[logTerms.length - 1] ?? 0;
  return raft.create(
    { id: "a", heartbeatTicks: 2, electionTicks: 10, tickMs: 10, random: () => 0.5, ...options },
    {
      state: { term, vote: "", commit: 0 },
      base: { index: 0, epoch: 0, proposer: "", membership: membershipOf(["a", "b", "c"]) },
      entries: logTerms.map((epoch, i) => entry(i + 1, epoch)),
      applied: 0,
    },
  );
}

function receive(core: RaftCore, from: MemberId, message: RaftMessage): RaftEffect[] {
  core.step({ kind: "receive", from, message }, 0);
  return core.effects();
}

/** What leaves, now or after the disk. */
function sent(effects: readonly RaftEffect[]): RaftMessage[] {
  return effects.flatMap((effect) => {
    if (effect.kind === "send") return [effect.message];
    return effect.kind === "persist" ? effect.thenSend.map(({ message }) => message) : [];
  });
}

describe("terms and elections (§5.1, §5.2)", () => {
  test("a member that sees a later term takes it and follows (§5.1)", () => {
    const cluster = led();
    cluster.step("a", {
      kind: "receive",
      from: "b",
      message: { kind: "appendResponse", term: 7, matchIndex: 1 },
    });
    const { role, term, leader } = inspect(cluster, "a");
    assert.deepEqual({ role, term, leader }, { role: "follower", term: 7, leader: undefined });
  });

  test("a request of an earlier term is refused (§5.1)", () => {
    const core = memberWith([3]);
    const vote = {
      kind: "voteRequest",
      term: 2,
      lastIndex: 9,
      lastTerm: 2,
      transfer: false,
    } as const;
    assert.deepEqual(sent(receive(core, "b", vote)), [
      { kind: "voteResponse", term: 3, granted: false },
    ]);
    const append = {
      kind: "appendRequest",
      term: 2,
      previousIndex: 1,
      previousTerm: 3,
      commitIndex: 1,
      entries: [],
    } as const;
    assert.deepEqual(sent(receive(core, "b", append)), [
      { kind: "heartbeatResponse", term: 3, round: 0, priority: 1 },
    ]);
    assert.equal(core.status().commitIndex, 0);
  });

  test("members begin as followers, also after a crash (§5.2)", () => {
    const cluster = led();
    assert.equal(memberWith([]).status().role, "follower");
    cluster.crash("a");
    cluster.restart("a");
    assert.equal(cluster.at("a").core.status().role, "follower");
  });

  test("a follower that hears nothing campaigns after a time in [T, 2T) (§5.2, §9.3)", () => {
    const waits = new Set<number>();
    for (let draw = 0; draw < 10; draw++) {
      const core = memberWith([], { random: () => draw / 10 });
      let ticks = 0;
      for (; core.status().role === "follower"; ticks++) core.step({ kind: "tick" }, 0);
      waits.add(ticks);
    }
    assert.deepEqual([...waits].sort(), [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  test("a leader sends heartbeats, and they keep its followers from campaigning (§5.2)", () => {
    const cluster = led();
    cluster.elapse(200);
    const states = ["a", "b", "c"].map((id) => inspect(cluster, id));
    assert.deepEqual(
      states.map(({ role, term }) => ({ role, term })),
      [
        { role: "leader", term: 1 },
        { role: "follower", term: 1 },
        { role: "follower", term: 1 },
      ],
    );
  });

  test("a candidate raises its term, votes for itself and asks the others (§5.2)", () => {
    const core = memberWith([1]);
    core.step({ kind: "campaign" }, 0);
    core.effects();
    const effects = receive(core, "b", { kind: "preVoteResponse", term: 2, granted: true });
    const request = {
      kind: "voteRequest",
      term: 2,
      lastIndex: 1,
      lastTerm: 1,
      transfer: false,
    } as const;
    assert.deepEqual(effects, [
      { kind: "roleChanged", role: "candidate", epoch: 2, leader: undefined },
      {
        kind: "persist",
        sequence: 1,
        state: { term: 2, vote: "a", commit: 0 },
        entries: [],
        thenSend: [
          { to: "b", message: request },
          { to: "c", message: request },
        ],
      },
    ]);
  });

  test("a majority of the whole cluster elects, for clusters of one to seven (§5.2)", () => {
    for (let size = 1; size <= 7; size++) {
      const cluster = clusterOf(raft, size);
      const minority = Math.floor((size - 1) / 2);
      const names = [...cluster.machines.keys()];
      for (const id of names.slice(size - minority)) cluster.crash(id);
      cluster.step("a", { kind: "campaign" });
      cluster.stabilize();
      assert.equal(cluster.leader(), "a", `${size} members, ${minority} of them down`);
      if (minority === 0) continue;
      const other = clusterOf(raft, size);
      for (const id of names.slice(size - minority - 1)) if (id !== "a") other.crash(id);
      other.step("a", { kind: "campaign" });
      other.stabilize();
      assert.equal(other.leader(), undefined, `${size} members without a majority`);
    }
  });

  test("a member votes once per term, first come first served (§5.2)", () => {
    const core = memberWith([]);
    const ask = {
      kind: "voteRequest",
      term: 1,
      lastIndex: 0,
      lastTerm: 0,
      transfer: false,
    } as const;
    const answers = ["b", "c", "b"].map((from) => sent(receive(core, from, ask))[0]);
    assert.deepEqual(
      answers.map((message) => message?.kind === "voteResponse" && message.granted),
      [true, false, true],
    );
  });

  test("a vote is durable before it is told (figure 2: persistent state)", () => {
    const core = memberWith([]);
    const ask = {
      kind: "voteRequest",
      term: 1,
      lastIndex: 0,
      lastTerm: 0,
      transfer: false,
    } as const;
    assert.deepEqual(receive(core, "b", ask), [
      { kind: "roleChanged", role: "follower", epoch: 1, leader: undefined },
      {
        kind: "persist",
        sequence: 1,
        state: { term: 1, vote: "b", commit: 0 },
        entries: [],
        thenSend: [{ to: "b", message: { kind: "voteResponse", term: 1, granted: true } }],
      },
    ]);
  });

  test("a candidate follows a leader of its term (§5.2)", () => {
    const core = memberWith([]);
    core.step({ kind: "campaign" }, 0);
    receive(core, "b", { kind: "preVoteResponse", term: 1, granted: true });
    assert.equal(core.inspect().role, "candidate");
    receive(core, "c", { kind: "heartbeatRequest", term: 1, commitIndex: 0, round: 1 });
    const { role, leader, vote } = core.inspect();
    assert.deepEqual({ role, leader, vote }, { role: "follower", leader: "c", vote: "a" });
  });

  test("a candidate that nobody answers tries again, after another random wait (§5.2)", () => {
    const core = memberWith([]);
    core.step({ kind: "campaign" }, 0);
    receive(core, "b", { kind: "preVoteResponse", term: 1, granted: true });
    for (let i = 0; i < 15; i++) core.step({ kind: "tick" }, 0);
    const requests = sent(core.effects()).map(({ kind, term }) => `${kind} ${term}`);
    assert(requests.includes("preVoteRequest 2"), requests.join());
  });
});

describe("log replication (§5.3)", () => {
  test("a leader appends, sends in parallel, and commits what a majority holds", () => {
    const cluster = led(5);
    cluster.isolate("d");
    cluster.isolate("e");
    propose(cluster, "a", "x");
    cluster.stabilize();
    assert.equal(inspect(cluster, "a").commitIndex, 2);
    assert.equal(inspect(cluster, "b").commitIndex, 2);
    assert.deepEqual(
      cluster.at("b").applied.map((e) => e.index),
      [1, 2],
    );
  });

  test("nothing commits without a majority", () => {
    const cluster = led(5);
    for (const id of ["c", "d", "e"]) cluster.isolate(id);
    propose(cluster, "a", "x");
    cluster.stabilize();
    assert.equal(inspect(cluster, "a").commitIndex, 1);
  });

  test("a follower takes entries only where the one before agrees (the consistency check)", () => {
    const core = memberWith([1, 2]);
    const append = (previousIndex: number, previousTerm: number) =>
      ({
        kind: "appendRequest",
        term: 3,
        previousIndex,
        previousTerm,
        commitIndex: 0,
        entries: [],
      }) as const;
    const kinds = (effects: RaftEffect[]) => sent(effects).map((message) => message.kind);
    assert.deepEqual(kinds(receive(core, "b", append(2, 2))), ["appendResponse"]);
    assert.deepEqual(kinds(receive(core, "b", append(2, 3))), ["appendRefusal"]);
    assert.deepEqual(kinds(receive(core, "b", append(3, 2))), ["appendRefusal"]);
    assert.deepEqual(kinds(receive(core, "b", append(0, 0))), ["appendResponse"]);
  });

  // Figure 7: the logs that followers may have when the leader at the top comes to power.
  const leaderTerms = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
  const followers: Record<string, number[]> = {
    a: [1, 1, 1, 4, 4, 5, 5, 6, 6],
    b: [1, 1, 1, 4],
    c: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    e: [1, 1, 1, 4, 4, 4, 4],
    f: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
  };
  for (const [name, logTerms] of Object.entries(followers)) {
    test(`the leader brings the follower of figure 7 (${name}) to its own log`, () => {
      const logs: Record<MemberId, number[]> = { a: leaderTerms, b: logTerms, c: leaderTerms };
      const cluster = clusterOf(raft, 3, {
        restored: (id) => ({
          state: { term: 7, vote: "", commit: 0 } as never,
          entries: logs[id]!.map((epoch, i) => entry(i + 1, epoch)),
        }),
      });
      cluster.cut("a", "b");
      cluster.step("a", { kind: "campaign" });
      cluster.stabilize();
      cluster.heal();
      cluster.elapse(10);
      assert.equal(cluster.leader(), "a");
      assert.deepEqual(terms(cluster, "b"), [...leaderTerms, 8]);
      assert.deepEqual(inspect(cluster, "b").entries, inspect(cluster, "a").entries);
    });
  }

  const many = (term: number) => Array.from({ length: 300 }, () => term);
  const backOffs: [string, leader: number[], follower: number[]][] = [
    ["of the follower's earlier term", [1, ...many(3)], [1, ...many(2)]],
    ["of the follower's later term", [1, ...many(2), 4], [1, ...many(3)]],
  ];
  for (const [what, mine, theirs] of backOffs) {
    test(`the back-off skips a term with each message, ${what} (end of §5.3)`, () => {
      const logs: Record<MemberId, number[]> = { a: mine, b: theirs, c: mine };
      let refusals = 0;
      const cluster = clusterOf(raft, 3, {
        restored: (id) => ({
          state: { term: 4, vote: "", commit: 0 } as never,
          entries: logs[id]!.map((epoch, i) => entry(i + 1, epoch)),
        }),
        onTrace: (line) => {
          if (line.includes("appendRefusal")) refusals++;
        },
      });
      cluster.step("a", { kind: "campaign" });
      cluster.elapse(10);
      assert.deepEqual(terms(cluster, "b"), [...mine, 5]);
      assert(refusals <= 3, `${refusals} messages to find the point of agreement`);
    });
  }

  test("a leader never overwrites or drops its own entries (§5.3, leader append-only)", () => {
    const cluster = led();
    propose(cluster, "a", "x", "y");
    const before = inspect(cluster, "a").entries;
    cluster.step("a", {
      kind: "receive",
      from: "b",
      message: {
        kind: "appendRequest",
        term: 1,
        previousIndex: 1,
        previousTerm: 1,
        commitIndex: 1,
        entries: [entry(2, 1)],
      },
    });
    assert.deepEqual(inspect(cluster, "a").entries, before);
  });

  test("an old append message takes nothing back (figure 2: only a conflict deletes)", () => {
    const core = memberWith([1, 1, 1]);
    const append = {
      kind: "appendRequest",
      term: 1,
      previousIndex: 1,
      previousTerm: 1,
      commitIndex: 0,
      entries: [entry(2, 1)],
    } as const;
    receive(core, "b", append);
    assert.equal(core.status().lastIndex, 3);
  });

  test("a follower commits no further than what the message proves (figure 2, step 5)", () => {
    const core = memberWith([1, 1, 1]);
    receive(core, "b", {
      kind: "appendRequest",
      term: 2,
      previousIndex: 1,
      previousTerm: 1,
      commitIndex: 3,
      entries: [],
    });
    assert.equal(core.status().commitIndex, 1);
  });

  test("members apply in the order of the log, each entry once (figure 2: lastApplied)", () => {
    const cluster = led();
    for (const text of ["x", "y", "z"]) propose(cluster, "a", text);
    cluster.stabilize();
    for (const id of ["a", "b", "c"]) {
      assert.deepEqual(
        cluster.at(id).applied.map((e) => e.index),
        [1, 2, 3, 4],
      );
    }
  });
});

describe("safety (§5.4)", () => {
  const cases: [mine: number[], lastTerm: number, lastIndex: number, granted: boolean][] = [
    [[1, 1], 1, 2, true],
    [[1, 1], 1, 3, true],
    [[1, 1], 1, 1, false],
    [[1, 1], 2, 1, true],
    [[1, 2], 1, 9, false],
  ];
  for (const [mine, lastTerm, lastIndex, granted] of cases) {
    const what = `${lastIndex}@${lastTerm} against ${mine.length}@${mine[mine.length - 1]}`;
    test(`the vote goes to a log at least as complete: ${what} (§5.4.1)`, () => {
      const core = memberWith(mine);
      const term = 5;
      const ask = { kind: "voteRequest", term, lastIndex, lastTerm, transfer: false } as const;
      assert.deepEqual(sent(receive(core, "b", ask)), [{ kind: "voteResponse", term, granted }]);
    });
  }

  test("commit-prior-term: figure 8, an earlier term's entry is not committed by counting", () => {
    const core = memberWith([1, 2]);
    core.step({ kind: "campaign" }, 0);
    core.effects();
    receive(core, "b", { kind: "preVoteResponse", term: 3, granted: true });
    core.step({ kind: "persisted", sequence: 1 }, 0);
    receive(core, "b", { kind: "voteResponse", term: 3, granted: true });
    assert.equal(core.status().role, "leader");
    core.step({ kind: "persisted", sequence: 2 }, 0);
    // A majority holds index 2 of term 2: that is not enough.
    receive(core, "b", { kind: "appendResponse", term: 3, matchIndex: 2 });
    assert.equal(core.status().commitIndex, 0);
    // With an entry of its own term all before it is committed.
    receive(core, "b", { kind: "appendResponse", term: 3, matchIndex: 3 });
    assert.equal(core.status().commitIndex, 3);
  });

  test("a crash loses nothing that was acknowledged (§5.5, figure 2)", () => {
    const cluster = led();
    propose(cluster, "a", "x");
    cluster.stabilize();
    for (const id of ["a", "b", "c"]) cluster.crash(id);
    for (const id of ["a", "b", "c"]) cluster.restart(id);
    cluster.elapse(60);
    const leader = cluster.leader()!;
    assert.deepEqual(terms(cluster, leader).slice(0, 2), [1, 1]);
  });
});

describe("what only leaders may do (dissertation §3.3 to §3.10, §10.2)", () => {
  test("a new leader writes a no-op and so learns what is committed (§6.4; paper §8)", () => {
    const cluster = led();
    const { entries, commitIndex } = inspect(cluster, "a");
    assert.deepEqual(
      entries.map((e) => e.kind),
      ["noop"],
    );
    assert.equal(commitIndex, 1);
  });

  test("a leader's own disk runs in parallel, and counts only once it is done (§10.2.1)", () => {
    const cluster = led(1);
    propose(cluster, "a", "x");
    assert.equal(inspect(cluster, "a").commitIndex, 1);
    cluster.persist("a");
    assert.equal(inspect(cluster, "a").commitIndex, 2);

    // Two followers are a majority without the leader: it may be the last to have it on disk.
    const three = led();
    propose(three, "a", "x");
    for (let i = 0; i < 3; i++) {
      const letters = three.letters;
      three.letters = [];
      for (const letter of letters) three.deliver(letter);
      three.persist("b");
      three.persist("c");
    }
    const { commitIndex, durableIndex, applySentIndex } = inspect(three, "a");
    assert.deepEqual({ commitIndex, durableIndex }, { commitIndex: 2, durableIndex: 1 });
    // But it applies only what its own restart would find.
    assert.equal(applySentIndex, 1);
  });

  test("proposals of one turn are one message per follower and one write (§10.2.2)", () => {
    const cluster = led();
    const proposals = Array.from({ length: 100 }, (_, token) => ({ token, payload: bytesOf("x") }));
    const effects = cluster.step("a", { kind: "propose", proposals });
    const kinds = effects.filter((e) => e.kind !== "accepted").map((e) => e.kind);
    assert.deepEqual(kinds, ["persist", "send", "send"]);
  });

  test("messages are pipelined up to the window and no further (§10.2.2)", () => {
    const cluster = led(3, { core: { limits: { messagesInFlightMax: 2 } } });
    const count = () => cluster.letters.filter((letter) => letter.to === "b").length;
    for (const text of ["x", "y", "z"]) propose(cluster, "a", text);
    assert.equal(count(), 2);
    cluster.stabilize();
    assert.equal(inspect(cluster, "b").commitIndex, 4);
  });

  test("a transfer brings the target up to date and lets it campaign at once (§3.10)", () => {
    const cluster = led();
    cluster.isolate("c");
    propose(cluster, "a", "x", "y");
    cluster.stabilize();
    assert.equal(inspect(cluster, "b").commitIndex, 3);
    assert.equal(inspect(cluster, "c").entries.length, 1, "c lacks both");
    cluster.heal();
    const effects = cluster.step("a", { kind: "transferLeadership", to: "c", token: 9 });
    const asked = effects.filter((one) => one.kind === "send" && one.message.kind === "timeoutNow");
    assert.deepEqual(asked, [], "not before it is up to date");
    // Only the leader's clock runs: its heartbeat finds the gap, it fills it and asks c to stand.
    for (let i = 0; i < 8 && cluster.leader() === "a"; i++) {
      cluster.tick("a");
      cluster.stabilize();
    }
    assert.equal(cluster.leader(), "c");
    assert.equal(inspect(cluster, "c").commitIndex, 4);
    const answers = cluster.answers.filter(({ effect }) => effect.kind === "transferred");
    assert.deepEqual(answers, [{ member: "a", effect: { kind: "transferred", token: 9 } }]);
  });

  test("a transfer that takes an election timeout is given up (§3.10)", () => {
    const cluster = led();
    cluster.crash("c");
    cluster.step("a", { kind: "transferLeadership", to: "c", token: 9 });
    cluster.elapse(10);
    assert.equal(cluster.leader(), "a");
    const last = cluster.answers[cluster.answers.length - 1];
    assert.deepEqual(last?.effect, {
      kind: "rejected",
      token: 9,
      reason: "timedOut",
      leaderHint: undefined,
    });
    propose(cluster, "a", "x");
    cluster.stabilize();
    assert.equal(inspect(cluster, "b").commitIndex, 2);
  });

  test("a leader that a quorum does not answer steps down (§6.2)", () => {
    const cluster = led();
    cluster.isolate("a");
    for (let i = 0; i < 20; i++) cluster.tick("a");
    assert.equal(inspect(cluster, "a").role, "follower");
  });
});

describe("pre-vote and disruption (dissertation §4.2.3, §9.6)", () => {
  test("a member that was cut off does not raise its term, nor anybody's when it is back", () => {
    const cluster = led();
    cluster.isolate("c");
    cluster.elapse(200);
    assert.equal(inspect(cluster, "c").term, 1);
    cluster.heal();
    cluster.elapse(50);
    assert.equal(cluster.leader(), "a");
    assert.equal(inspect(cluster, "a").term, 1);
  });

  test("who hears a leader ignores a call for votes, and keeps its term (§4.2.3)", () => {
    const cluster = led();
    const vote = {
      kind: "voteRequest",
      term: 9,
      lastIndex: 99,
      lastTerm: 8,
      transfer: false,
    } as const;
    for (const id of ["a", "b"]) {
      assert.deepEqual(sent(cluster.step(id, { kind: "receive", from: "x", message: vote })), []);
      assert.equal(inspect(cluster, id).term, 1);
    }
  });

  test("a removed member cannot depose the leader (§4.2.3)", () => {
    const cluster = led();
    cluster.step("a", {
      kind: "changeMembership",
      changes: [{ kind: "remove", member: "c" }],
      context: bytesOf(""),
      token: 1,
    });
    cluster.stabilize();
    cluster.elapse(100);
    assert.deepEqual([cluster.leader(), inspect(cluster, "a").term], ["a", 1]);
    // Nor with an answer in a later term, which nobody asked it for.
    cluster.step("a", {
      kind: "receive",
      from: "c",
      message: { kind: "voteResponse", term: 99, granted: false },
    });
    assert.deepEqual([cluster.leader(), inspect(cluster, "a").term], ["a", 1]);
  });
});

describe("membership changes (paper §6, dissertation chapter 4)", () => {
  function change(
    cluster: RaftCluster,
    kind: "addVoter" | "addLearner" | "promote" | "remove",
    ...members: MemberId[]
  ) {
    const changes = members.map((member) => ({ kind, member }));
    const context = bytesOf("addresses");
    cluster.step("a", { kind: "changeMembership", changes, context, token: 77 });
    return cluster.answers[cluster.answers.length - 1]?.effect;
  }

  test("a membership is used as soon as it stands in the log (§6)", () => {
    const cluster = led();
    change(cluster, "remove", "c");
    assert.deepEqual(cluster.at("a").core.status().membership, {
      voters: ["a", "b"],
      votersOutgoing: ["a", "b", "c"],
      learners: [],
      learnersNext: [],
    });
  });

  test("while joint, both majorities are needed to commit (§6)", () => {
    const cluster = led(3, { members: ["a", "b", "c", "d", "e"] });
    change(cluster, "addVoter", "d", "e");
    for (const id of ["d", "e"]) cluster.isolate(id);
    cluster.stabilize();
    // a, b, c are the old majority, and three of five: enough. Without c they are not.
    assert.equal(inspect(cluster, "a").commitIndex, 3);
    const other = led(3, { members: ["a", "b", "c", "d", "e"] });
    for (const id of ["c", "d", "e"]) other.isolate(id);
    change(other, "addVoter", "d", "e");
    other.stabilize();
    assert.equal(inspect(other, "a").commitIndex, 1);
  });

  test("while joint, the new majority alone commits nothing, nor elects (§6)", () => {
    const cluster = led(3, { members: ["a", "b", "c", "d", "e"] });
    for (const id of ["b", "c"]) cluster.isolate(id);
    cluster.step("a", {
      kind: "changeMembership",
      changes: [
        { kind: "remove", member: "b" },
        { kind: "remove", member: "c" },
        { kind: "addVoter", member: "d" },
        { kind: "addVoter", member: "e" },
      ],
      context: bytesOf(""),
      token: 1,
    });
    cluster.elapse(8);
    assert.deepEqual(terms(cluster, "d"), [1, 1]);
    assert.equal(inspect(cluster, "a").commitIndex, 1);
    cluster.crash("a");
    cluster.elapse(100);
    assert.equal(cluster.leader(), undefined);
  });

  test("a learner that answers but lags behind is not promoted yet (§4.2.1)", () => {
    const cluster = led(1, { members: ["a", "b"] });
    change(cluster, "addLearner", "b");
    cluster.stabilize();
    propose(cluster, "a", "x");
    // Its disk is stuck.
    for (let i = 0; i < 25; i++) {
      cluster.tick("a");
      cluster.persist("a");
      const letters = cluster.letters;
      cluster.letters = [];
      for (const letter of letters) cluster.deliver(letter);
    }
    const answer = change(cluster, "promote", "b");
    assert(answer?.kind === "rejected" && answer.reason === "learnerNotCaughtUp");
    cluster.elapse(25);
    assert.equal(change(cluster, "promote", "b")?.kind, "accepted");
    cluster.stabilize();
    assert.deepEqual(cluster.at("b").core.status().membership, membershipOf(["a", "b"]));
  });

  test("the joint configuration ends by itself once it is committed (§6)", () => {
    const cluster = led();
    change(cluster, "remove", "c");
    cluster.stabilize();
    for (const id of ["a", "b"]) {
      assert.deepEqual(cluster.at(id).core.status().membership, membershipOf(["a", "b"]));
    }
  });

  test("a membership that is truncated is not in force any more (§6; config-rollback-bookkeeping)", () => {
    const cluster = led();
    cluster.isolate("a");
    change(cluster, "remove", "c");
    assert(isJoint(cluster.at("a").core.status().membership));
    cluster.elapse(60);
    cluster.heal();
    cluster.elapse(60);
    const expected = membershipOf(["a", "b", "c"]);
    for (const id of ["a", "b", "c"]) {
      assert.deepEqual(cluster.at(id).core.status().membership, expected);
    }
  });

  test("one change at a time (§4.1)", () => {
    const refused = {
      kind: "rejected",
      token: 77,
      reason: "membershipChangeInProgress",
      leaderHint: undefined,
    };
    const cluster = led();
    change(cluster, "remove", "c");
    assert.deepEqual(change(cluster, "remove", "b"), refused);
    // Also where no joint configuration is needed.
    const other = led();
    change(other, "addLearner", "d");
    assert.deepEqual(change(other, "addLearner", "e"), refused);
  });

  test("single-server-change-bug: none before an entry of the own term is committed", () => {
    const cluster = clusterOf(raft, 3);
    cluster.step("a", { kind: "campaign" });
    while (inspect(cluster, "a").role !== "leader") {
      cluster.persist("a");
      cluster.persist("b");
      const letter = cluster.letters.shift();
      if (letter !== undefined && letter.to !== "c") cluster.deliver(letter);
    }
    const answer = change(cluster, "remove", "c");
    assert(answer?.kind === "rejected" && answer.reason === "membershipChangeInProgress");
  });

  test("a leader that removes itself leads until that is committed, then steps down (§4.2.2)", () => {
    const cluster = led();
    change(cluster, "remove", "a");
    assert.equal(cluster.leader(), "a");
    cluster.stabilize();
    assert.notEqual(inspect(cluster, "a").role, "leader");
    cluster.elapse(40);
    const leader = cluster.leader()!;
    assert.notEqual(leader, "a");
    assert.deepEqual(cluster.at(leader).core.status().membership, membershipOf(["b", "c"]));
    assert.equal(inspect(cluster, "a").role, "follower");
  });

  test("remove-leader-of-two: the one that stays goes on alone", () => {
    const cluster = led(2);
    change(cluster, "remove", "a");
    cluster.stabilize();
    cluster.elapse(40);
    assert.equal(cluster.leader(), "b");
    propose(cluster, "b", "x");
    cluster.stabilize();
    const { appliedIndex, lastIndex } = cluster.at("b").core.status();
    assert.equal(appliedIndex, lastIndex);
  });

  test("a member left out of an uncommitted membership may have to lead once more (§4.2.2)", () => {
    // Only a holds the entry that leaves it out; b cannot win against its longer log.
    const cluster = led(2);
    change(cluster, "remove", "a");
    while (isJoint(cluster.at("a").core.status().membership)) {
      cluster.persist("a");
      cluster.persist("b");
      const letter = cluster.letters.shift();
      if (letter !== undefined) cluster.deliver(letter);
    }
    cluster.letters = [];
    cluster.persist("a");
    cluster.crash("a");
    cluster.restart("a");
    assert.deepEqual(cluster.at("a").core.status().membership, membershipOf(["b"]));
    cluster.elapse(80);
    assert.equal(cluster.leader(), "b");
    assert.deepEqual(cluster.at("b").core.status().membership, membershipOf(["b"]));
  });

  test("learners get the log and do not count (§4.2.1)", () => {
    const cluster = led(1, { members: ["a", "b"] });
    change(cluster, "addLearner", "b");
    cluster.stabilize();
    assert.equal(cluster.at("b").core.status().role, "learner");
    cluster.crash("b");
    propose(cluster, "a", "x");
    cluster.stabilize();
    assert.equal(inspect(cluster, "a").commitIndex, 3);
    cluster.restart("b");
    cluster.elapse(40);
    assert.equal(inspect(cluster, "b").commitIndex, 3);
  });

  test("nonvoter-campaigns: a learner never does, also after a restart", () => {
    const cluster = led(1, { members: ["a", "b"] });
    change(cluster, "addLearner", "b");
    cluster.stabilize();
    cluster.crash("a");
    cluster.crash("b");
    cluster.restart("b");
    cluster.elapse(100);
    cluster.step("b", { kind: "campaign" });
    const { role, epoch } = cluster.at("b").core.status();
    assert.deepEqual({ role, epoch }, { role: "learner", epoch: 1 });
  });

  test("never-leaves-joint: a new leader ends the joint phase that it finds (etcd#12136)", () => {
    const cluster = led(5);
    change(cluster, "remove", "e");
    // The joint entry reaches everybody's disk, and then the leader dies before it is committed.
    const letters = cluster.letters;
    cluster.letters = [];
    for (const letter of letters) cluster.deliver(letter);
    for (const id of cluster.machines.keys()) cluster.persist(id);
    cluster.letters = [];
    cluster.crash("a");
    assert(isJoint(cluster.at("b").core.status().membership));
    cluster.elapse(60);
    const leader = cluster.leader()!;
    assert.notEqual(leader, "a");
    const expected = membershipOf(["a", "b", "c", "d"]);
    assert.deepEqual(cluster.at(leader).core.status().membership, expected);
  });
});

describe("linearizable reads (dissertation §6.4)", () => {
  function answersOf(cluster: RaftCluster, token: number) {
    const own = cluster.answers.filter(({ effect }) => "token" in effect && effect.token === token);
    return own.map(({ effect }) => effect);
  }

  test("a read waits for the first commit of the term (step 1; no-noop-at-term-start)", () => {
    const cluster = clusterOf(raft, 3);
    cluster.step("a", { kind: "campaign" });
    while (inspect(cluster, "a").role !== "leader") {
      cluster.persist("a");
      cluster.persist("b");
      const letter = cluster.letters.shift();
      if (letter !== undefined && letter.to !== "c") cluster.deliver(letter);
    }
    cluster.step("a", { kind: "read", token: 5 });
    assert.deepEqual(answersOf(cluster, 5), []);
    cluster.stabilize();
    assert.deepEqual(answersOf(cluster, 5), [{ kind: "readReady", token: 5, index: 1 }]);
  });

  test("a leader without a quorum answers no read (step 3; stale-read-by-default)", () => {
    const cluster = led();
    cluster.isolate("a");
    cluster.step("a", { kind: "read", token: 5 });
    cluster.stabilize();
    assert.deepEqual(answersOf(cluster, 5), []);
    cluster.elapse(25);
    assert.deepEqual(answersOf(cluster, 5), [
      { kind: "rejected", token: 5, reason: "leadershipLost", leaderHint: undefined },
    ]);
  });

  test("quorum-minus-one: one answer of four others confirms nothing", () => {
    const cluster = led(5);
    for (const id of ["c", "d", "e"]) cluster.isolate(id);
    cluster.step("a", { kind: "read", token: 5 });
    cluster.stabilize();
    assert.deepEqual(answersOf(cluster, 5), []);
    cluster.heal();
    cluster.elapse(2);
    assert.deepEqual(answersOf(cluster, 5), [{ kind: "readReady", token: 5, index: 1 }]);
  });

  test("a round that was sent before a read was asked does not confirm it (step 3)", () => {
    const cluster = led();
    cluster.tick("a", 2);
    const early = cluster.letters;
    cluster.letters = [];
    cluster.step("a", { kind: "read", token: 5 });
    cluster.letters = early;
    cluster.stabilize();
    assert.deepEqual(answersOf(cluster, 5), []);
  });

  test("all reads of a turn share one round of messages (§6.4)", () => {
    const cluster = led();
    const reads = Array.from({ length: 50 }, (_, token) => ({ kind: "read", token }) as const);
    const effects = cluster.step("a", ...reads);
    assert.deepEqual(
      effects.map((effect) => effect.kind),
      ["send", "send"],
    );
    cluster.stabilize();
    assert.equal(cluster.answers.filter(({ effect }) => effect.kind === "readReady").length, 50);
  });

  test("a follower asks its leader once for all reads of a turn, and serves them itself", () => {
    const cluster = led();
    const effects = cluster.step("b", { kind: "read", token: 1 }, { kind: "read", token: 2 });
    assert.deepEqual(
      sent(effects).map((message) => message.kind),
      ["readRequest"],
    );
    cluster.stabilize();
    assert.deepEqual(answersOf(cluster, 1), [{ kind: "readReady", token: 1, index: 1 }]);
    assert.deepEqual(answersOf(cluster, 2), [{ kind: "readReady", token: 2, index: 1 }]);
  });

  test("a follower's read whose answer is lost is told so in time", () => {
    const cluster = led();
    cluster.step("b", { kind: "read", token: 1 });
    cluster.letters = [];
    cluster.elapse(10);
    assert.deepEqual(answersOf(cluster, 1), [
      { kind: "rejected", token: 1, reason: "timedOut", leaderHint: "a" },
    ]);
  });

  test("under a lease reads cost no message, until the lease is over (§6.4.1)", () => {
    const cluster = led(3, { core: { reads: "lease", clockDriftMax: 0.1 } });
    cluster.elapse(4);
    assert.deepEqual(cluster.step("a", { kind: "read", token: 1 }), [
      { kind: "readReady", token: 1, index: 1 },
    ]);
    // An election timeout is 100 ms: the lease holds for 90 of them from when the round was SENT.
    const confirmedAt = cluster.nowMs;
    cluster.nowMs = confirmedAt + 89;
    assert.deepEqual(cluster.step("a", { kind: "read", token: 2 }), [
      { kind: "readReady", token: 2, index: 1 },
    ]);
    cluster.nowMs = confirmedAt + 90;
    const effects = cluster.step("a", { kind: "read", token: 3 });
    assert.deepEqual(
      effects.map((effect) => effect.kind),
      ["send", "send"],
    );
  });

  test("a lease counts from when the round was sent, not from when it was confirmed (§6.4.1)", () => {
    const cluster = led(3, { core: { reads: "lease", clockDriftMax: 0.1 } });
    cluster.tick("a", 2);
    cluster.nowMs += 50;
    cluster.stabilize();
    cluster.nowMs += 39;
    const kinds = () => cluster.step("a", { kind: "read", token: 1 }).map((effect) => effect.kind);
    assert.deepEqual(kinds(), ["readReady"]);
    cluster.nowMs += 1;
    assert.deepEqual(kinds(), ["send", "send"]);
  });

  test("a lease is of no use before the first commit of the term", () => {
    const cluster = clusterOf(raft, 3, { core: { reads: "lease" } });
    cluster.step("a", { kind: "campaign" });
    while (inspect(cluster, "a").role !== "leader") {
      for (const id of ["a", "b", "c"]) cluster.persist(id);
      const letter = cluster.letters.shift();
      if (letter !== undefined) cluster.deliver(letter);
    }
    // Heartbeats get through and are confirmed; the no-op waits for the disks.
    cluster.tick("a", 2);
    for (let i = 0; i < 4; i++) {
      const letters = cluster.letters;
      cluster.letters = [];
      for (const letter of letters) cluster.deliver(letter);
    }
    cluster.step("a", { kind: "read", token: 5 });
    assert.deepEqual(answersOf(cluster, 5), []);
    cluster.stabilize();
    assert.deepEqual(answersOf(cluster, 5), [{ kind: "readReady", token: 5, index: 1 }]);
  });

  test("lease-read-paused-clock: a leader that slept past its lease asks first (etcd#6005)", () => {
    const cluster = led(3, { core: { reads: "lease" } });
    cluster.elapse(4);
    for (let i = 0; i < 40; i++) {
      cluster.nowMs += 10;
      for (const id of ["b", "c"]) cluster.tick(id);
    }
    const letters = cluster.letters.filter(({ from, to }) => from !== "a" && to !== "a");
    cluster.letters = letters;
    const effects = cluster.step("a", { kind: "read", token: 3 });
    assert(effects.every((effect) => effect.kind !== "readReady"));
  });

  test("under a lease nobody votes early, whatever the ticks say, nor after a restart", () => {
    const cluster = led(3, { core: { reads: "lease" } });
    cluster.elapse(4);
    const vote = {
      kind: "preVoteRequest",
      term: 2,
      lastIndex: 9,
      lastTerm: 1,
      priority: 1,
    } as const;
    const answer = () => {
      const effects = cluster.step("b", { kind: "receive", from: "c", message: vote });
      return sent(effects).some((m) => m.kind === "preVoteResponse" && m.granted);
    };
    // The loop was stuck: its missed ticks come all at once, but the clock has hardly moved.
    cluster.nowMs += 50;
    cluster.tick("b", 9);
    assert.equal(answer(), false);
    cluster.crash("b");
    cluster.nowMs += 10;
    cluster.restart("b");
    assert.equal(answer(), false);
    cluster.nowMs += 101;
    assert.equal(answer(), true);
  });

  test("a transfer ends the lease for the rest of the term", () => {
    const cluster = led(3, { core: { reads: "lease" } });
    cluster.elapse(4);
    cluster.step("a", { kind: "transferLeadership", to: "b", token: 1 });
    cluster.letters = [];
    const effects = cluster.step("a", { kind: "read", token: 2 });
    assert(effects.every((effect) => effect.kind !== "readReady"));
  });
});
