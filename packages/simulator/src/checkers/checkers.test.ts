// Every checker must reject what it is there to reject: a checker that cannot fail proves nothing.
// As long as the list of checkers.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Core,
  type Entry,
  encodeMembershipEntry,
  type Membership,
  type Restored,
} from "@althing/consensus";
import { decodeCommand, encodeCommand, type Result } from "@althing/store";
import { encodeValue, Reference } from "../observe/reference.ts";
import { AdoptedValue } from "./adopted-value.ts";
import { CommitQuorum } from "./commit-quorum.ts";
import { CommitRule } from "./commit-rule.ts";
import { Durability } from "./durability.ts";
import { ElectionSafety } from "./election-safety.ts";
import { EligibleLeader } from "./eligible-leader.ts";
import { HistoryClaims } from "./history-claims.ts";
import { LeaderCompleteness } from "./leader-completeness.ts";
import { LogMatching } from "./log-matching.ts";
import { MonotonicCommit } from "./monotonic-commit.ts";
import { ReadIndex } from "./read-index.ts";
import { SessionGuarantees } from "./session-guarantees.ts";
import { StateHash } from "./state-hash.ts";
import { StateMachineSafety } from "./state-machine-safety.ts";
import { ToldAfterDurable } from "./told-after-durable.ts";
import { Verdicts } from "./verdicts.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (unit) => unit.charCodeAt(0));

function entry(index: number, epoch: number, payload = `${index}`): Entry {
  return { index, epoch, proposer: "", kind: "command", payload: bytes(payload) };
}

/** What `act` makes the checkers say. */
function found(act: (verdicts: Verdicts) => void): string[] {
  const verdicts = new Verdicts(() => {});
  act(verdicts);
  return verdicts.violations.map(({ property }) => property);
}

test("election safety: two leaders of one epoch", () => {
  const elect = (protocol: string, second: string) =>
    found((verdicts) => {
      const checker = new ElectionSafety(verdicts, protocol);
      checker.becameLeader("m0", 3);
      checker.becameLeader(second, 3);
    });
  assert.deepEqual(elect("raft", "m1"), ["election safety"]);
  assert.deepEqual(elect("raft", "m0"), []);
  // A Paxos round belongs to each proposer apart.
  assert.deepEqual(elect("paxos", "m1"), []);
});

test("eligible leader: a learner, a stranger or who is known to be removed leads", () => {
  const membership = { voters: ["a"], votersOutgoing: ["b"], learners: ["c"], learnersNext: [] };
  const before = { voters: ["a", "e"], votersOutgoing: [], learners: [], learnersNext: [] };
  const lead = (id: string, commitIndex = 7) =>
    found((verdicts) => {
      const status = { id, membership, membershipIndex: 7, commitIndex };
      new EligibleLeader(verdicts).becameLeader("m0", status, before);
    });
  assert.deepEqual([lead("a"), lead("b")], [[], []]);
  assert.deepEqual([lead("c"), lead("d")], [["eligible leader"], ["eligible leader"]]);
  assert.deepEqual(lead("e", 6), [], "its removal may still be undone");
  assert.deepEqual(lead("e", 7), ["eligible leader"]);
});

test("log matching: other contents, or another entry before, under one index and epoch", () => {
  const write = (first: Entry[], second: Entry[]) =>
    found((verdicts) => {
      const checker = new LogMatching(verdicts, "raft");
      checker.written("m0", first, () => 0);
      checker.written("m1", second, () => 0);
    });
  const good = [entry(1, 1), entry(2, 2)];
  assert.deepEqual(write(good, good), []);
  assert.deepEqual(write(good, [entry(1, 1), entry(2, 2, "x")]), ["log matching"]);
  assert.deepEqual(write(good, [entry(1, 2, "y"), entry(2, 2)]), ["log matching"]);
});

test("state machine safety: another entry at an applied index, a gap, an index twice", () => {
  const apply = (second: readonly Entry[]) =>
    found((verdicts) => {
      const checker = new StateMachineSafety(verdicts, "raft");
      checker.started("m0", 0);
      checker.started("m1", 0);
      checker.applied("m0", [entry(1, 1), entry(2, 1)], 1);
      checker.applied("m1", second, 1);
    });
  assert.deepEqual(apply([entry(1, 1), entry(2, 1)]), []);
  for (const bad of [
    [entry(1, 1, "x")],
    [entry(1, 2)],
    [entry(2, 1)],
    [entry(1, 1), entry(1, 1)],
  ]) {
    assert.deepEqual(apply(bad), ["state machine safety"]);
  }
});

test("leader completeness: a leader without what was committed before its epoch", () => {
  const lead = (log: readonly Entry[]) =>
    found((verdicts) => {
      const core = {
        status: () => ({ firstIndex: 1 }),
        entryAt: (index: number) => log.find((one) => one.index === index),
      } as unknown as Core<unknown, unknown>;
      const committed = [undefined, { epoch: 1, kind: "command", hash: 0, committedIn: 1 }];
      new LeaderCompleteness(verdicts, "raft").becameLeader("m0", 2, core, committed);
      new LeaderCompleteness(verdicts, "raft").becameLeader("m0", 1, core, committed);
    });
  assert.deepEqual(lead([entry(1, 1)]), []);
  assert.deepEqual(lead([]), ["leader completeness"]);
  assert.deepEqual(lead([entry(1, 2)]), ["leader completeness"]);
});

test("commit rule: a leader that commits an entry of an earlier epoch by itself", () => {
  const commit = (commitIndex: number, known: number, protocol = "raft") =>
    found((verdicts) => {
      const checker = new CommitRule(verdicts, protocol);
      const log = [entry(1, 1), entry(2, 1), entry(3, 2)];
      const core = {
        status: () => ({ role: "leader", epoch: 2, commitIndex: known }),
        entryAt: (index: number) => log[index - 1],
      } as unknown as Core<unknown, unknown>;
      checker.becameLeader("m0", core);
      checker.applied("m0", { ...core.status(), commitIndex }, core);
    });
  assert.deepEqual(commit(3, 1), []);
  assert.deepEqual(commit(2, 2), []);
  assert.deepEqual(commit(2, 1), ["commit rule"]);
  assert.deepEqual(commit(2, 1, "paxos"), ["commit rule"]);
  assert.deepEqual(commit(2, 1, "zab"), [], "a transaction keeps its epoch");
});

test("monotonic commit: an index that goes back, or applied beyond it", () => {
  const observe = (commitIndex: number, appliedIndex: number) =>
    found((verdicts) => {
      const checker = new MonotonicCommit(verdicts);
      const status = { commitIndex: 5, appliedIndex: 5 } as never;
      checker.observed("m0", status);
      checker.observed("m0", { ...(status as object), commitIndex, appliedIndex } as never);
    });
  assert.deepEqual(observe(5, 5), []);
  assert.deepEqual(observe(4, 4), ["monotonic commit"]);
  assert.deepEqual(observe(5, 6), ["monotonic commit"]);
});

test("durability: a promise or an entry that a restart does not find, or one that came back", () => {
  const membership = { voters: ["a"], votersOutgoing: [], learners: [], learnersNext: [] };
  const base = { index: 0, epoch: 0, proposer: "", membership };
  const restart = (restored: Partial<Restored<unknown>>, persistedUpTo = 2) =>
    found((verdicts) => {
      const checker = new Durability(verdicts, (state) => JSON.stringify(state));
      const persist = { kind: "persist", thenSend: [] } as const;
      checker.persisting("m0", { ...persist, sequence: 1, state: 1, entries: [entry(1, 1)] });
      checker.persisting("m0", { ...persist, sequence: 2, entries: [entry(2, 1)] });
      checker.persisting("m0", { ...persist, sequence: 3, state: 2, entries: [], truncateFrom: 2 });
      checker.persisted("m0", persistedUpTo);
      checker.restored("m0", { state: 1, base, entries: [], applied: 0, ...restored });
    });
  const both = [entry(1, 1), entry(2, 1)];
  assert.deepEqual(restart({ entries: both }), []);
  assert.deepEqual(restart({ entries: both, state: 2 }), [], "the write under way may be there");
  assert.deepEqual(restart({ entries: [entry(1, 1)] }), [], "its truncation too");
  assert.deepEqual(restart({ entries: both, state: undefined }), ["durability"]);
  assert.deepEqual(restart({ entries: [entry(2, 1)] }), ["durability"]);
  assert.deepEqual(restart({ entries: [entry(1, 2), entry(2, 1)] }), ["durability"]);
  assert.deepEqual(restart({ entries: both, state: 2 }, 3), ["durability"], "it was dropped");
  const compacted = { entries: [entry(2, 1)], base: { ...base, index: 1 } };
  assert.deepEqual(restart({ ...compacted, applied: 1 }), []);
  assert.deepEqual(restart({ ...compacted, applied: 0 }), ["durability"]);
});

test("told after durable: a vote or a match that is not on disk, or not true", () => {
  const state = { term: 3, vote: "b" };
  const core = (log: readonly Entry[], role = "follower") =>
    ({
      status: () => ({ role, epoch: 3 }),
      entryAt: (index: number) => log[index - 1],
    }) as unknown as Core<unknown, unknown>;
  const tell = (message: object, leaderLog = [entry(1, 1), entry(2, 3)]) =>
    found((verdicts) => {
      const durability = new Durability(verdicts, (value) => JSON.stringify(value));
      const persist = { kind: "persist", thenSend: [], sequence: 1 } as const;
      durability.persisting("m0", { ...persist, state, entries: [entry(1, 1), entry(2, 3)] });
      durability.persisting("m0", { ...persist, sequence: 2, entries: [entry(3, 3)] });
      durability.persisted("m0", 1);
      const checker = new ToldAfterDurable(verdicts, durability);
      assert.equal(checker.isClaim(message), true);
      const own = core([entry(1, 1), entry(2, 3), entry(3, 3)]);
      const leader = { id: "b", core: core(leaderLog, "leader") };
      checker.verify(message, { name: "m0", core: own }, leader);
    });
  assert.deepEqual(tell({ kind: "voteResponse", term: 3, granted: true }), []);
  assert.deepEqual(tell({ kind: "voteResponse", term: 4, granted: true }), ["told after durable"]);
  assert.deepEqual(tell({ kind: "appendResponse", term: 3, matchIndex: 2 }), []);
  assert.deepEqual(tell({ kind: "appendResponse", term: 3, matchIndex: 3 }), [
    "told after durable",
  ]);
  assert.deepEqual(
    tell({ kind: "appendResponse", term: 3, matchIndex: 2 }, [entry(1, 1), entry(2, 2)]),
    ["told after durable"],
  );
});

test("told after durable, Zab: an epoch or a history that is not on disk, or not true", () => {
  const state = { acceptedEpoch: 3, currentEpoch: 2 };
  const core = (log: readonly Entry[], role = "follower", epoch = 3) =>
    ({
      status: () => ({ role, epoch }),
      entryAt: (index: number) => log[index - 1],
    }) as unknown as Core<unknown, unknown>;
  const tell = (message: object, leaderLog = [entry(1, 1), entry(2, 2)]) =>
    found((verdicts) => {
      const durability = new Durability(verdicts, (value) => JSON.stringify(value), "zab");
      const persist = { kind: "persist", thenSend: [], sequence: 1 } as const;
      durability.persisting("m0", { ...persist, state, entries: [entry(1, 1), entry(2, 2)] });
      durability.persisting("m0", { ...persist, sequence: 2, entries: [entry(3, 3)] });
      durability.persisted("m0", 1);
      const checker = new HistoryClaims(verdicts, durability);
      assert.equal(checker.isClaim(message), true);
      const own = core([entry(1, 1), entry(2, 2), entry(3, 3)]);
      const leader = { id: "b", core: core(leaderLog, "leader") };
      checker.verify(message, { name: "m0", core: own }, leader);
    });
  const bad = ["told after durable"];
  assert.deepEqual(tell({ kind: "leaderInfo", epoch: 3 }), []);
  assert.deepEqual(tell({ kind: "leaderInfo", epoch: 4 }), bad);
  const ackEpoch = { kind: "ackEpoch", epoch: 3, currentEpoch: 2, lastIndex: 2, lastEpoch: 2 };
  assert.deepEqual(tell(ackEpoch), []);
  assert.deepEqual(tell({ ...ackEpoch, epoch: 4 }), bad);
  assert.deepEqual(tell({ ...ackEpoch, currentEpoch: 3 }), bad);
  assert.deepEqual(tell({ ...ackEpoch, lastIndex: 3, lastEpoch: 3 }), bad);
  assert.deepEqual(
    tell({ kind: "ackNewLeader", epoch: 3, index: 2 }),
    bad,
    "epoch 3 is not current",
  );
  assert.deepEqual(tell({ kind: "ack", epoch: 3, index: 2 }), []);
  assert.deepEqual(tell({ kind: "ack", epoch: 3, index: 3 }), bad);
  assert.deepEqual(tell({ kind: "ack", epoch: 3, index: 2 }, [entry(1, 1), entry(2, 3)]), bad);
  const pong = { kind: "pong", epoch: 3, index: 2, isCurrent: false };
  assert.deepEqual(tell(pong), []);
  assert.deepEqual(tell({ ...pong, isCurrent: true }), bad);
  assert.deepEqual(tell({ ...pong, index: 3 }), bad);
});

test("commit rule, Zab: a leader counts only who took over its epoch", () => {
  const commit = (currentEpoch: number, ledIn?: number) =>
    found((verdicts) => {
      const durability = new Durability(verdicts, (value) => JSON.stringify(value), "zab");
      const persist = { kind: "persist", thenSend: [], sequence: 1 } as const;
      for (const [member, current] of [
        ["m0", 3],
        ["m1", currentEpoch],
      ] as const) {
        const state = { acceptedEpoch: 3, currentEpoch: current };
        durability.persisting(member, { ...persist, state, entries: [entry(1, 1)] });
        durability.persisted(member, 1);
      }
      const holders = { nameOf: (id: string) => id, isInDoubt: () => false };
      const checker = new CommitQuorum(verdicts, durability, holders, undefined, "zab");
      checker.founded({
        voters: ["m0", "m1", "m2"],
        votersOutgoing: [],
        learners: [],
        learnersNext: [],
      });
      checker.committed("m0", entry(1, 1), ledIn);
    });
  assert.deepEqual(commit(3, 3), []);
  assert.deepEqual(commit(2, 3), ["commit rule"]);
  assert.deepEqual(commit(2), [], "who applied it may have learned of it otherwise");
});

test("commit quorum: what is applied must be durable on a majority of all voters", () => {
  const voters = ["m0", "m1", "m2"];
  const commit = (holders: readonly string[], outgoing: readonly string[] = []) =>
    found((verdicts) => {
      const durability = new Durability(verdicts, (value) => JSON.stringify(value));
      for (const member of holders) {
        const persist = { kind: "persist", thenSend: [], sequence: 1 } as const;
        durability.persisting(member, { ...persist, entries: [entry(1, 1)] });
        if (member !== "m2") durability.persisted(member, 1);
      }
      const sure = { nameOf: (id: string) => id, isInDoubt: (id: string) => id === "m9" };
      const checker = new CommitQuorum(verdicts, durability, sure);
      const membership = { voters, votersOutgoing: outgoing, learners: [], learnersNext: [] };
      checker.founded(membership);
      checker.committed("m0", entry(1, 1));
    });
  assert.deepEqual(commit(["m0", "m1"]), []);
  assert.deepEqual(commit(["m0"]), ["commit quorum"]);
  assert.deepEqual(commit(["m0", "m2"]), ["commit quorum"], "m2 has not synced");
  assert.deepEqual(commit(["m0", "m1"], ["m3", "m4"]), ["commit quorum"]);
  assert.deepEqual(commit(["m0", "m1"], ["m9"]), [], "in doubt counts as held");
});

test("commit quorum: each index is judged by the one membership that governs it", () => {
  const joint = { voters: ["n0", "n1"], votersOutgoing: ["m0"], learners: [], learnersNext: [] };
  const left = { ...joint, votersOutgoing: [] };
  const change = (index: number, membership: Membership): Entry => ({
    ...entry(index, 1),
    kind: "membership",
    payload: encodeMembershipEntry(membership, new Uint8Array(0)),
  });
  /** The joint entry at 1, a command at 2; `leave`: what ends it is in somebody's log at 3. */
  const commit = (protocol: string, held: readonly (readonly string[])[], leave = false) =>
    found((verdicts) => {
      const durability = new Durability(verdicts, (value) => JSON.stringify(value));
      const holders = { nameOf: (id: string) => id, isInDoubt: () => false };
      const checker = new CommitQuorum(verdicts, durability, holders, undefined, protocol);
      checker.founded({ voters: ["m0"], votersOutgoing: [], learners: [], learnersNext: [] });
      const entries = [change(1, joint), entry(2, 1)];
      for (const [position, members] of held.entries()) {
        const one = entries[position] as Entry;
        for (const member of members) {
          const persist = { kind: "persist", thenSend: [], sequence: one.index } as const;
          durability.persisting(member, { ...persist, entries: [one] });
          durability.persisted(member, one.index);
        }
        if (leave && one.index === 2) checker.written([change(3, left)]);
        checker.committed("m0", one);
      }
    });
  const all = ["m0", "n0", "n1"];
  assert.deepEqual(commit("raft", [all, all]), []);
  assert.deepEqual(commit("raft", [["m0"]]), ["commit quorum"], "the old majority alone");
  assert.deepEqual(commit("raft", [["n0", "n1"]], true), ["commit quorum"], "the new one alone");
  assert.deepEqual(commit("zab", [all, ["n0", "n1"]]), ["commit quorum"]);
  assert.deepEqual(commit("zab", [all, ["n0", "n1"]], true), [], "it commits with what ends it");
  // In Paxos who was there before chooses the joint membership, and both choose what follows it.
  assert.deepEqual(commit("paxos", [["m0"], all]), []);
  assert.deepEqual(commit("paxos", [["m0"], ["n0", "n1"]], true), ["commit quorum"]);
});

test("read index: a read that may miss what was applied when it was asked", () => {
  const read = (index: number) =>
    found((verdicts) => {
      const checker = new ReadIndex(verdicts);
      checker.asked("m0", 1, 7);
      checker.ready("m0", 1, index);
      checker.asked("m0", 2, 9);
      checker.rejected("m0", 2);
      checker.ready("m0", 2, 0);
      checker.asked("m0", 3, 9);
      checker.started("m0");
      checker.ready("m0", 3, 0);
    });
  assert.deepEqual(read(7), []);
  assert.deepEqual(read(6), ["read index"]);
});

test("state hash: two hashes at one index", () => {
  const observe = (hash: number) =>
    found((verdicts) => {
      const checker = new StateHash(verdicts);
      checker.observed("m0", 7, 1);
      checker.observed("m1", 7, hash);
    });
  assert.deepEqual(observe(1), []);
  assert.deepEqual(observe(2), ["state hash"]);
});

test("the store's answers are held to what the log says, and weak reads to a revision", () => {
  const put = (value: number) =>
    encodeCommand({
      kind: "put",
      key: "k0",
      value: encodeValue(value, 0),
      lease: 0n,
      prevKv: false,
      ignoreValue: false,
      ignoreLease: false,
    });
  const done = (revision: number): Result => ({ kind: "put", revision, prevKv: undefined });
  const read = (act: (sessions: SessionGuarantees, reference: Reference) => void) =>
    found((verdicts) => {
      const reference = new Reference(verdicts);
      reference.applied("m0", 1, put(11), done(2), decodeCommand);
      reference.applied("m0", 2, put(12), done(3), decodeCommand);
      act(new SessionGuarantees(verdicts, reference), reference);
    });
  assert.deepEqual(
    read((sessions) => {
      sessions.read(1, "m0 life 1", "k0", 2, 11);
      sessions.read(1, "m0 life 1", "k0", 3, 12);
      sessions.read(1, "m1 life 1", "k0", 2, 11);
      sessions.read(1, "m0 life 1", "k1", 3, 0);
    }),
    [],
  );
  assert.deepEqual(
    read((sessions) => sessions.read(1, "m0 life 1", "k0", 2, 12)),
    ["session guarantees"],
  );
  assert.deepEqual(
    read((sessions) => {
      sessions.saw(1, "m0 life 1", 3);
      sessions.read(1, "m0 life 1", "k0", 2, 11);
    }),
    ["session guarantees"],
  );
  assert.deepEqual(
    read((_, reference) => reference.applied("m1", 2, put(12), done(4), decodeCommand)),
    ["store model"],
  );
});

test("P2c: another value than the one of the highest ballot that was told", () => {
  const accepted = (epoch: number, payload: string): Entry => ({
    ...entry(5, epoch, payload),
    proposer: "b",
  });
  const ballot = { round: 9, proposer: "a" };
  const promise = (told: Entry, commitIndex = 4) => ({
    kind: "receive" as const,
    from: "b",
    message: { kind: "promise", ballot, commitIndex, entries: [told] },
  });
  const propose = (
    value: string,
    told: readonly ReturnType<typeof promise>[],
    own?: Entry,
    late?: Entry,
  ) =>
    found((verdicts) => {
      const checker = new AdoptedValue(verdicts, "paxos");
      const as = (role: string, held: Entry | undefined) =>
        ({ status: () => ({ role }), entryAt: () => held }) as unknown as Core<unknown, unknown>;
      for (const one of told) checker.stepping("m0", one, as("candidate", own));
      if (late !== undefined) checker.stepping("m0", promise(late), as("leader", own));
      checker.written("m0", [{ ...entry(5, 9, value), proposer: "a" }]);
    });
  const both = [promise(accepted(3, "new")), promise(accepted(2, "old"))];
  assert.deepEqual(propose("old", both), ["P2c"]);
  assert.deepEqual(propose("old", both.toReversed()), ["P2c"]);
  assert.deepEqual(propose("mine", [promise(accepted(2, "old"))]), ["P2c"]);
  assert.deepEqual(propose("old", [promise(accepted(2, "old"))], accepted(3, "new")), ["P2c"]);
  assert.deepEqual(propose("new", both), []);
  assert.deepEqual(propose("mine", []), []);
  // Chosen already: nothing is proposed for it.
  assert.deepEqual(propose("mine", [promise(accepted(2, "old"), 5)]), []);
  // Told when it led already, by one whose promise it did without.
  assert.deepEqual(propose("old", [promise(accepted(2, "old"))], undefined, accepted(4, "x")), []);
});
