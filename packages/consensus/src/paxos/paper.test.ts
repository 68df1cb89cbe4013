// The claims of Paxos Made Simple (Lamport 2001) about many instances (§3), of Paxos Made Live (Chandra,
// Griesemer, Redstone 2007) about what a system adds, and of Flexible Paxos (Howard, Malkhi, Spiegelman
// 2016): a test each, with its section. The single instance is tested beside the synod. Long, because the papers claim much.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CoreOptions, Entry, MemberId, Restored } from "../contract.ts";
import { isJoint, membershipOf } from "../membership/membership.ts";
import type { Ballot } from "../synod/ballot.ts";
import { bytesOf, type Cluster, type ClusterOptions, clusterOf } from "../testing/cluster.ts";
import type { PaxosState } from "./durable-state.ts";
import type { PaxosInspection } from "./inspect.ts";
import type { PaxosMessage } from "./messages.ts";
import type { PaxosEffect } from "./outbox.ts";
import { type PaxosCore, paxos } from "./paxos.ts";

type PaxosCluster = Cluster<PaxosMessage, PaxosState>;

/** `count` members, led by a. */
function led(count = 3, options: Partial<ClusterOptions> = {}): PaxosCluster {
  const cluster = clusterOf(paxos, count, options);
  cluster.step("a", { kind: "campaign" });
  cluster.stabilize();
  assert.equal(cluster.leader(), "a");
  return cluster;
}

function propose(cluster: PaxosCluster, id: MemberId, ...payloads: string[]): void {
  const proposals = payloads.map((text, i) => ({ token: 1000 + i, payload: bytesOf(text) }));
  cluster.step(id, { kind: "propose", proposals });
}

/** `id` leads instead of whoever did; the old leader may be cut off. */
function takeOver(cluster: PaxosCluster, id: MemberId, from: MemberId): void {
  for (const each of cluster.machines.keys()) {
    cluster.step(each, { kind: "disconnected", peer: from });
  }
  cluster.step(id, { kind: "campaign" });
  cluster.stabilize();
  assert.equal(cluster.leader(), id);
}

function inspect(cluster: PaxosCluster, id: MemberId): PaxosInspection {
  return cluster.at(id).core.inspect() as PaxosInspection;
}

/** "1 x" for a command in slot 1, "2 noop". */
function slots(cluster: PaxosCluster, id: MemberId): string[] {
  return inspect(cluster, id).entries.map(tell);
}

function tell({ index, kind, payload }: Entry): string {
  return `${index} ${kind === "command" ? new TextDecoder().decode(payload) : kind}`;
}

function entry(index: number, round: number, text: string, proposer = "x"): Entry {
  return { index, epoch: round, proposer, kind: "command", payload: bytesOf(text) };
}

const ballot = (round: number, proposer: MemberId): Ballot => ({ round, proposer });
const majorities = { prepare: 0, accept: 0 };

/** One member of a, b, c that accepted these. */
function memberWith(
  entries: readonly Entry[],
  options: Partial<CoreOptions> = {},
  restored: Partial<Restored<PaxosState>> = {},
): PaxosCore {
  return paxos.create(
    { id: "a", heartbeatTicks: 2, electionTicks: 10, tickMs: 10, random: () => 0.5, ...options },
    {
      state: undefined,
      base: { index: 0, epoch: 0, proposer: "", membership: membershipOf(["a", "b", "c"]) },
      entries,
      applied: 0,
      ...restored,
    },
  );
}

function receive(core: PaxosCore, from: MemberId, message: PaxosMessage): PaxosEffect[] {
  core.step({ kind: "receive", from, message }, 0);
  return core.effects();
}

/** What leaves, now or after the disk. */
function sent(effects: readonly PaxosEffect[]): PaxosMessage[] {
  return effects.flatMap((effect) => {
    if (effect.kind === "send") return [effect.message];
    return effect.kind === "persist" ? effect.thenSend.map(({ message }) => message) : [];
  });
}

/** Writes that were asked for are reported durable. */
function persistAll(core: PaxosCore, effects: readonly PaxosEffect[]): PaxosEffect[] {
  for (const effect of effects) {
    if (effect.kind === "persist") core.step({ kind: "persisted", sequence: effect.sequence }, 0);
  }
  return core.effects();
}

function prepare(round: number, first = 1, proposer = "b"): PaxosMessage {
  return {
    kind: "prepareRequest",
    ballot: ballot(round, proposer),
    first,
    handedOver: undefined,
    quorums: majorities,
  };
}

/** `core`, a, is asked to take over and prepares ballot 3.a. */
function candidate(core: PaxosCore): void {
  const heartbeat = { kind: "heartbeatRequest", ballot: ballot(2, "b"), commitIndex: 0, round: 1 };
  receive(core, "b", heartbeat as PaxosMessage);
  persistAll(core, receive(core, "b", { kind: "takeOver", ballot: ballot(2, "b") }));
  assert.equal(core.inspect().role, "candidate");
}

function promise(
  from: number,
  entries: readonly Entry[],
  more: Partial<Extract<PaxosMessage, { kind: "promise" }>> = {},
): PaxosMessage {
  return {
    kind: "promise",
    ballot: ballot(3, "a"),
    first: from,
    last: entries.at(-1)?.index ?? from,
    isLast: true,
    commitIndex: 0,
    baseIndex: 0,
    entries,
    ...more,
  };
}

describe("phase 1 for infinitely many instances (Paxos Made Simple §3)", () => {
  test("one prepare request is for all slots from the first that is not known to be chosen", () => {
    const cluster = led();
    propose(cluster, "a", "1", "2");
    cluster.stabilize();
    cluster.isolate("a");
    const asked: PaxosMessage[] = [];
    cluster.step("b", { kind: "disconnected", peer: "a" });
    cluster.step("c", { kind: "disconnected", peer: "a" });
    cluster.step("b", { kind: "campaign" });
    for (let i = 0; i < 6; i++) {
      cluster.persist("b");
      for (const { bytes } of cluster.letters) {
        const message = paxos.decodeMessage(bytes);
        if (message.kind === "prepareRequest") asked.push(message);
      }
      const { letters } = cluster;
      cluster.letters = [];
      for (const letter of letters) cluster.deliver(letter);
    }
    assert.deepEqual(
      asked.map((message) => message.kind === "prepareRequest" && message.first),
      [3, 3],
    );
  });

  test("an acceptor answers with all it accepted there, in parts if it is much", () => {
    const accepted = [entry(1, 1, "one"), entry(3, 1, "three"), entry(4, 1, "four")];
    const core = memberWith(accepted, { limits: { messageBytesMax: 8 } });
    const parts = [1, 4].map((first) => sent(receive(core, "b", prepare(3, first)))[0]!);
    assert.deepEqual(parts, [
      {
        kind: "promise",
        ballot: ballot(3, "b"),
        first: 1,
        last: 3,
        isLast: false,
        commitIndex: 0,
        baseIndex: 0,
        entries: accepted.slice(0, 2),
      },
      {
        kind: "promise",
        ballot: ballot(3, "b"),
        first: 4,
        last: 4,
        isLast: true,
        commitIndex: 0,
        baseIndex: 0,
        entries: accepted.slice(2),
      },
    ]);
  });

  test("an answer in parts counts once all of it is here", () => {
    const core = memberWith([]);
    candidate(core);
    const first = receive(core, "b", promise(1, [entry(2, 1, "x")], { isLast: false }));
    assert.equal(core.inspect().role, "candidate");
    // It asks for the rest; what it does not follow on from is dropped.
    const asked = [...sent(first), ...sent(persistAll(core, first))];
    assert(asked.some((m) => m.kind === "prepareRequest" && m.first === 3));
    receive(core, "b", promise(5, []));
    assert.equal(core.inspect().role, "candidate");
    receive(core, "b", promise(3, []));
    assert.equal(core.inspect().role, "leader");
  });

  test("slots of which nobody tells are filled with no-ops, the others keep their place", () => {
    const core = memberWith([entry(2, 1, "two")]);
    candidate(core);
    receive(core, "c", promise(1, [entry(4, 1, "four")]));
    const { role, entries, nextSlot } = core.inspect();
    assert.equal(role, "leader");
    assert.deepEqual(entries.map(tell), ["1 noop", "2 two", "3 noop", "4 four"]);
    assert.equal(nextSlot, 5);
  });

  test("of several accepted values the highest ballot's is proposed, slot by slot (P2c)", () => {
    const core = memberWith([entry(1, 1, "own old"), entry(2, 1, "own new", "z")]);
    candidate(core);
    receive(core, "c", promise(1, [entry(1, 1, "newer", "y"), entry(2, 1, "older", "b")]));
    assert.deepEqual(core.inspect().entries.map(tell), ["1 newer", "2 own new"]);
    assert(core.inspect().entries.every(({ epoch, proposer }) => epoch === 3 && proposer === "a"));
  });

  test("a leader may begin with a shorter log than those who elect it", () => {
    const cluster = led();
    cluster.isolate("c");
    propose(cluster, "a", "1", "2", "3");
    cluster.stabilize();
    cluster.heal();
    cluster.isolate("a");
    assert.deepEqual(slots(cluster, "c"), []);
    takeOver(cluster, "c", "a");
    assert.deepEqual(slots(cluster, "c"), ["1 1", "2 2", "3 3"]);
    assert.equal(cluster.at("c").store.index, 3);
  });

  test("values of several ballots stand in a log at once", () => {
    const core = memberWith([entry(1, 3, "new", "b"), entry(2, 1, "old", "c")]);
    assert.deepEqual(
      core.inspect().entries.map(({ epoch, proposer }) => `${epoch}.${proposer}`),
      ["3.b", "1.c"],
    );
  });
});

describe("phase 2 over slots (Paxos Made Simple §3)", () => {
  test("a leader proposes in the next slots before those before are chosen", () => {
    const cluster = led();
    for (const text of ["1", "2", "3"]) propose(cluster, "a", text);
    const { nextSlot, commitIndex } = inspect(cluster, "a");
    assert.deepEqual({ nextSlot, commitIndex }, { nextSlot: 4, commitIndex: 0 });
  });

  test("slots are chosen out of order and delivered in order", () => {
    const cluster = led();
    propose(cluster, "a", "1");
    cluster.letters = [];
    propose(cluster, "a", "2");
    cluster.letters = cluster.letters.filter(({ to }) => to === "b");
    while (cluster.persist("a"));
    const { letters } = cluster;
    cluster.letters = [];
    for (const letter of letters) cluster.deliver(letter);
    while (cluster.persist("b"));
    for (const letter of cluster.letters.splice(0)) cluster.deliver(letter);
    assert.deepEqual(inspect(cluster, "a").chosenBeyond, [2]);
    assert.equal(inspect(cluster, "a").commitIndex, 0);
    assert.deepEqual(cluster.at("a").applied, []);
    cluster.elapse(10);
    assert.deepEqual(cluster.at("a").applied.map(tell), ["1 1", "2 2"]);
  });

  test("an acceptor accepts slots with gaps between them, and reports where it has none", () => {
    const core = memberWith([]);
    const effects = receive(core, "b", {
      kind: "acceptRequest",
      ballot: ballot(1, "b"),
      first: 3,
      commitIndex: 0,
      entries: [entry(3, 1, "three", "b")],
    });
    assert.deepEqual(sent(effects), [
      { kind: "acceptResponse", ballot: ballot(1, "b"), first: 3, last: 3, matchIndex: 0 },
    ]);
  });

  test("what a lower ballot left is replaced by what a higher one proposes (P1a)", () => {
    const core = memberWith([entry(1, 1, "old", "c")]);
    receive(core, "b", {
      kind: "acceptRequest",
      ballot: ballot(2, "b"),
      first: 1,
      commitIndex: 0,
      entries: [entry(1, 2, "new", "b")],
    });
    assert.deepEqual(core.inspect().entries.map(tell), ["1 new"]);
  });

  test("a proposal below the promise is refused, and says what stands in its way (§2.2)", () => {
    const core = memberWith([]);
    receive(core, "c", prepare(5, 1, "c"));
    const effects = receive(core, "b", {
      kind: "acceptRequest",
      ballot: ballot(4, "b"),
      first: 1,
      commitIndex: 1,
      entries: [entry(1, 4, "x", "b")],
    });
    assert.deepEqual(sent(effects), [
      { kind: "refusal", ballot: ballot(4, "b"), promised: ballot(5, "c") },
    ]);
    assert.deepEqual(core.inspect().entries, []);
  });

  test("a follower takes only its leader's own values for what the leader has chosen", () => {
    // Slot 1 holds what an earlier ballot proposed; the leader of 2.b says that it chose up to 2.
    const core = memberWith([entry(1, 1, "of nobody", "c")]);
    receive(core, "b", {
      kind: "acceptRequest",
      ballot: ballot(2, "b"),
      first: 2,
      commitIndex: 2,
      entries: [entry(2, 2, "two", "b")],
    });
    assert.equal(core.status().commitIndex, 0);
    receive(core, "b", {
      kind: "acceptRequest",
      ballot: ballot(2, "b"),
      first: 1,
      commitIndex: 2,
      entries: [entry(1, 2, "one", "b")],
    });
    assert.equal(core.status().commitIndex, 2);
  });
});

describe("what is remembered (Paxos Made Simple §2.2, §3)", () => {
  test("a promise, an accepted value and a ballot to be used leave after they are on disk", () => {
    const acceptor = memberWith([]);
    const direct = (effects: readonly PaxosEffect[]) =>
      effects.filter((effect) => effect.kind === "send");
    assert.deepEqual(direct(receive(acceptor, "b", prepare(1))), []);
    const accept = receive(acceptor, "b", {
      kind: "acceptRequest",
      ballot: ballot(1, "b"),
      first: 1,
      commitIndex: 0,
      entries: [entry(1, 1, "x", "b")],
    });
    assert.deepEqual(direct(accept), []);
    const proposer = memberWith([]);
    const heartbeat = {
      kind: "heartbeatRequest",
      ballot: ballot(1, "b"),
      commitIndex: 0,
      round: 1,
    } as const;
    receive(proposer, "b", heartbeat);
    const takeOver = receive(proposer, "b", { kind: "takeOver", ballot: ballot(1, "b") });
    assert.deepEqual(direct(takeOver), []);
    assert(sent(takeOver).some(({ kind }) => kind === "prepareRequest"));
  });

  test("a proposer that restarts never uses a ballot that it used before", () => {
    const state = { round: 7, proposer: "a", commit: 0, prepareQuorum: 0, acceptQuorum: 0 };
    const core = memberWith([], {}, { state });
    core.step({ kind: "campaign" }, 0);
    const asked = sent(core.effects()).find(({ kind }) => kind === "canvassRequest");
    assert.deepEqual(asked?.ballot, ballot(8, "a"));
  });

  test("a crash that kept a slot and lost the promise written after it forgets neither", () => {
    const core = memberWith([entry(1, 9, "x", "c")]);
    assert.deepEqual(core.inspect().promised, ballot(9, "c"));
  });
});

describe("what a system adds (Paxos Made Live)", () => {
  test("a stable leader skips phase 1: one round trip per value (§4.2)", () => {
    const cluster = led();
    const seen: string[] = [];
    propose(cluster, "a", "x");
    while (cluster.persist("a"));
    for (let trip = 0; trip < 2; trip++) {
      const { letters } = cluster;
      cluster.letters = [];
      for (const letter of letters) {
        seen.push(paxos.decodeMessage(letter.bytes).kind);
        cluster.deliver(letter);
      }
      for (const id of ["b", "c"]) while (cluster.persist(id));
    }
    assert.deepEqual([...new Set(seen)], ["acceptRequest", "acceptResponse"]);
    assert.equal(cluster.at("a").store.index, 1);
  });

  test("a master lease answers reads without a message, and nobody is promised meanwhile (§5.2)", () => {
    const cluster = led(3, { core: { reads: "lease" } });
    cluster.elapse(3);
    cluster.letters = [];
    const effects = cluster.step("a", { kind: "read", token: 1 });
    assert.deepEqual(effects, [{ kind: "readReady", token: 1, index: 0 }]);
    cluster.isolate("a");
    cluster.step("b", { kind: "disconnected", peer: "a" });
    cluster.step("b", { kind: "campaign" });
    cluster.stabilize();
    assert.equal(inspect(cluster, "b").role, "follower");
    assert.deepEqual(cluster.step("a", { kind: "read", token: 2 })[0]?.kind, "readReady");
    cluster.nowMs += 100;
    const late = cluster.step("a", { kind: "read", token: 3 });
    assert.equal(
      late.some(({ kind }) => kind === "readReady"),
      false,
    );
  });

  test("a replica that was away with a higher ballot does not depose the master (§5.2)", () => {
    const cluster = led();
    cluster.isolate("c");
    for (let i = 0; i < 10; i++) cluster.elapse(10);
    cluster.heal();
    cluster.elapse(10);
    assert.equal(cluster.leader(), "a");
    assert.deepEqual(inspect(cluster, "c").promised, ballot(1, "a"));
  });

  test("a snapshot takes the place of chosen slots; what was accepted after it stays (§5.5)", () => {
    const core = memberWith([entry(1, 1, "old"), entry(5, 1, "kept")]);
    const { membership } = core.status();
    const point = { index: 3, epoch: 2, proposer: "b", membership };
    core.step({ kind: "snapshotReceived", from: "b", epoch: 2, point }, 0);
    const [write, effect] = core.effects();
    // First of all it is written down: a restart must know whether it was this log that led there.
    assert(write?.kind === "persist");
    assert.equal(write.state?.installing, 3);
    assert.deepEqual(effect, { kind: "installSnapshot", from: "b", point });
    core.step({ kind: "snapshotInstalled", point }, 0);
    assert.deepEqual(core.inspect().entries.map(tell), ["5 kept"]);
    const { commitIndex, appliedIndex, firstIndex } = core.status();
    assert.deepEqual(
      { commitIndex, appliedIndex, firstIndex },
      {
        commitIndex: 3,
        appliedIndex: 3,
        firstIndex: 4,
      },
    );
  });

  test("a proposer that lacks what is compacted gets it from an acceptor, and leads then", () => {
    const cluster = led();
    cluster.isolate("c");
    propose(cluster, "a", "1", "2", "3");
    cluster.stabilize();
    cluster.compact("b");
    cluster.heal();
    cluster.isolate("a");
    // b, which holds all, is asked for long enough that it does not wait for a better one.
    cluster.step("b", { kind: "disconnected", peer: "a" });
    cluster.step("c", { kind: "disconnected", peer: "a" });
    for (let i = 0; i < 30; i++) cluster.tick("b");
    cluster.letters = [];
    cluster.step("c", { kind: "campaign" });
    const { letters } = cluster;
    cluster.letters = [];
    for (const letter of letters) cluster.deliver(letter);
    cluster.stabilize();
    assert.equal(cluster.leader(), "c");
    assert.equal(cluster.at("c").store.index, 3);
    assert.deepEqual(cluster.at("c").applied, [], "it came as a snapshot");
  });

  test("who lacks what is chosen and compacted fills no slot, however many have promised", () => {
    const core = memberWith([]);
    candidate(core);
    receive(core, "b", promise(1, [], { commitIndex: 5, baseIndex: 5 }));
    receive(core, "c", promise(1, []));
    assert.equal(core.inspect().role, "candidate");
    assert.match(core.status().leaderless, /needs a snapshot of slot 5/);
    const { membership } = core.status();
    const point = { index: 5, epoch: 1, proposer: "b", membership };
    core.step({ kind: "snapshotReceived", from: "b", epoch: 1, point }, 0);
    core.effects();
    core.step({ kind: "snapshotInstalled", point }, 0);
    const { role, nextSlot } = core.inspect();
    assert.deepEqual({ role, nextSlot }, { role: "leader", nextSlot: 6 });
  });

  test("a membership governs the slots after its own, and nothing is proposed beyond it (§5.3)", () => {
    const cluster = led(3, { members: ["a", "b", "c", "d"] });
    cluster.step("a", {
      kind: "changeMembership",
      changes: [{ kind: "addVoter", member: "d" }],
      context: bytesOf(""),
      token: 1,
    });
    propose(cluster, "a", "waits");
    assert.deepEqual(slots(cluster, "a"), ["1 membership"]);
    assert.deepEqual(cluster.at("a").core.status().membership, membershipOf(["a", "b", "c"]));
    cluster.stabilize();
    assert.deepEqual(slots(cluster, "d"), ["1 membership", "2 waits", "3 membership"]);
    const { membership } = cluster.at("d").core.status();
    assert.deepEqual(membership, membershipOf(["a", "b", "c", "d"]));
  });

  test("old voters stay responsible until a quorum of the new ones holds the prefix", () => {
    const cluster = led(3, { members: ["a", "b", "c", "d", "e", "f"] });
    propose(cluster, "a", "1", "2");
    cluster.stabilize();
    for (const id of ["e", "f"]) cluster.isolate(id);
    cluster.step("a", {
      kind: "changeMembership",
      changes: [
        { kind: "addVoter", member: "d" },
        { kind: "addVoter", member: "e" },
        { kind: "addVoter", member: "f" },
        { kind: "remove", member: "b" },
        { kind: "remove", member: "c" },
      ],
      context: bytesOf(""),
      token: 1,
    });
    cluster.elapse(5);
    assert.equal(isJoint(cluster.at("a").core.status().membership), true);
    cluster.heal();
    cluster.elapse(10);
    const { membership } = cluster.at("a").core.status();
    assert.deepEqual(membership, membershipOf(["a", "d", "e", "f"]));
    assert.deepEqual(slots(cluster, "e").slice(0, 2), ["1 1", "2 2"]);
  });

  test("duelling proposers back off: each failed ballot is given more time than the last", () => {
    const waits: number[] = [];
    const core = memberWith([]);
    for (let attempt = 0; attempt < 4; attempt++) {
      const round = core.inspect().promised.round;
      core.step({ kind: "campaign" }, 0);
      core.effects();
      const granted = { kind: "canvassResponse", granted: true, promised: ballot(0, "") } as const;
      receive(core, "b", { ...granted, ballot: ballot(round + 1, "a") });
      assert.equal(core.inspect().role, "candidate");
      let ticks = 0;
      while (core.inspect().role === "candidate") {
        core.step({ kind: "tick" }, 0);
        core.effects();
        ticks++;
      }
      waits.push(ticks);
    }
    assert.deepEqual(waits, [15, 15, 30, 60]);
  });
});

describe("quorums need not be majorities (Flexible Paxos)", () => {
  const quorums = { paxosQuorums: { prepare: 4, accept: 2 } };

  test("two of five choose, and four must promise (§4)", () => {
    const cluster = led(5, { core: quorums });
    for (const id of ["c", "d", "e"]) cluster.crash(id);
    propose(cluster, "a", "chosen by two");
    cluster.stabilize();
    assert.deepEqual(cluster.at("a").applied.map(tell), ["1 chosen by two"]);
    cluster.crash("a");
    cluster.restart("c");
    cluster.restart("d");
    for (let i = 0; i < 6; i++) cluster.elapse(10);
    assert.equal(cluster.leader(), undefined, "three of five promise nobody a quorum");
    cluster.restart("e");
    for (let i = 0; i < 6; i++) cluster.elapse(10);
    const leader = cluster.leader();
    assert(leader !== undefined);
    // Any four of them hold what two of five have chosen.
    assert.deepEqual(cluster.at(leader).applied.map(tell), ["1 chosen by two"]);
  });

  test("a read is confirmed by as many as must be missing from any prepare quorum (§4)", () => {
    const cluster = led(5, { core: quorums });
    for (const id of ["c", "d", "e"]) cluster.crash(id);
    cluster.step("a", { kind: "read", token: 1 });
    cluster.stabilize();
    assert.deepEqual(cluster.answers.at(-1)?.effect.kind, "readReady");
  });

  test("quorums of the two phases that need not meet are refused at creation", () => {
    const create = (prepare: number, accept: number) =>
      memberWith([], { paxosQuorums: { prepare, accept } });
    assert.throws(() => create(1, 2), /need not meet/);
    assert.throws(() => create(4, 1), /cannot make up quorums/);
    assert.equal(create(2, 2).status().role, "follower");
    assert.equal(create(3, 1).status().role, "follower");
  });

  test("and so is a membership in which they would not", () => {
    const cluster = led(5, { core: quorums, members: ["a", "b", "c", "d", "e", "f"] });
    cluster.step("a", {
      kind: "changeMembership",
      changes: [{ kind: "addVoter", member: "f" }],
      context: bytesOf(""),
      token: 1,
    });
    const { effect } = cluster.answers.at(-1)!;
    assert(effect.kind === "rejected" && effect.reason === "membershipChangeInvalid");
    cluster.step("a", {
      kind: "changeMembership",
      changes: [{ kind: "remove", member: "e" }],
      context: bytesOf(""),
      token: 2,
    });
    cluster.elapse(10);
    const { membership } = cluster.at("a").core.status();
    assert.deepEqual(membership, membershipOf(["a", "b", "c", "d"]), "four and two of four meet");
  });

  test("members with different quorums promise each other nothing", () => {
    const core = memberWith([], { paxosQuorums: { prepare: 3, accept: 1 } });
    const effects = receive(core, "b", prepare(1));
    assert.deepEqual(sent(effects), [
      { kind: "refusal", ballot: ballot(1, "b"), promised: ballot(0, "") },
    ]);
  });

  test("the sizes are remembered: another start with others is refused", () => {
    const state = { round: 1, proposer: "a", commit: 0, prepareQuorum: 3, acceptQuorum: 1 };
    assert.throws(() => memberWith([], {}, { state }), /sizes of quorums/);
  });
});
