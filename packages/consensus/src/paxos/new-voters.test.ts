// A leader whose ballot the old voters promised, while new ones chose more under a membership that it
// does not know yet. Whoever may propose in a slot is decided by what was chosen before it, so what it
// hears from the new voters, and when, must never let it propose over what they chose.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry, LogPoint, MemberId, Membership } from "../contract.ts";
import { encodeMembershipEntry } from "../membership/codec.ts";
import { applyChanges, leaveJoint, membershipOf } from "../membership/membership.ts";
import { bytesOf, Cluster, type ClusterOptions, type Letter } from "../testing/cluster.ts";
import type { PaxosState } from "./durable-state.ts";
import type { PaxosMessage } from "./messages.ts";
import { paxos } from "./paxos.ts";

const old = membershipOf(["a", "b", "c"]);
const change = applyChanges(old, [
  { kind: "addVoter", member: "d" },
  { kind: "addVoter", member: "e" },
]);
assert(change.kind === "changed");
const joint = change.membership;
const grown = leaveJoint(joint);
const members = ["a", "b", "c", "d", "e"];

/** Ballot 1.c: each slot was accepted by a quorum of those that govern it. */
const chosen = [
  membershipEntry(1, joint),
  membershipEntry(2, grown),
  command(3, "chosen-3"),
  command(4, "chosen-4"),
];
const accepted: Record<MemberId, Entry[]> = {
  a: [chosen[0]!],
  b: [chosen[1]!],
  c: chosen,
  d: chosen,
  e: chosen,
};

test("a leader of the old voters takes over what new ones know to be chosen", () => {
  const cluster = clusterWith({ a: 0, b: 0, c: 4, d: 4, e: 4 });
  cutBetween(cluster, ["a", "b"], ["c", "d", "e"]);
  cluster.step("a", { kind: "campaign" });
  cluster.stabilize();
  assert.equal(cluster.leader(), "a");
  proposeTwo(cluster, "a");
  cluster.stabilize();
  cluster.heal();
  cluster.elapse(30);
  assertAgreed(cluster);
});

test("a promise that comes when the leader has its quorum already obliges it all the same", () => {
  const cluster = clusterWith({ a: 0, b: 0, c: 2, d: 4, e: 4 });
  const late = leadBefore(cluster, "c");
  proposeTwo(cluster, "a");
  for (const letter of late) cluster.deliver(letter);
  cluster.stabilize();
  cluster.heal();
  cluster.elapse(30);
  assertAgreed(cluster);
});

test("a leader that hears that its next slots were chosen and compacted leads no more", () => {
  const base: LogPoint = { index: 4, epoch: 1, proposer: "c", membership: grown };
  const cluster = clusterWith({ a: 0, b: 0, c: 4, d: 4, e: 4 }, { c: base, d: base, e: base });
  const late = leadBefore(cluster, "c");
  proposeTwo(cluster, "a");
  // Before anything of its own is chosen: the old voters are enough for what it does now.
  for (const letter of late) cluster.deliver(letter);
  assert.equal(cluster.at("a").core.status().role, "follower");
  cluster.stabilize();
  assert.equal(cluster.at("a").core.entryAt(3), undefined);
  cluster.heal();
  cluster.elapse(60);
  assert.notEqual(cluster.leader(), undefined);
  for (const id of members) assert.deepEqual(cluster.at(id).core.status().membership, grown, id);
});

test("from an empty cluster: lost messages and one partition never make two values of one slot", () => {
  const cluster = new Cluster(paxos, { membership: old, members });
  growWithLosses(cluster);
  // {a, b} apart from {c, d, e}: there two writes are acknowledged.
  const isApart = (from: MemberId, to: MemberId) => "ab".includes(from) !== "ab".includes(to);
  proposeTwo(cluster, "c", "acknowledged");
  elapse(cluster, 1, isApart);
  assert.equal(cluster.at("c").core.status().appliedIndex, 4);
  const leads = (id: MemberId) => cluster.at(id).core.status().role === "leader";
  for (let i = 0; i < 200 && !leads("a") && !leads("b"); i++) elapse(cluster, 1, isApart);
  proposeTwo(cluster, leads("a") ? "a" : "b");
  elapse(cluster, 40, () => false);
  for (const id of members) {
    assert.deepEqual(commandsOf(cluster, id).slice(0, 2), ["acknowledged-3", "acknowledged-4"], id);
  }
});

test("a leader that old voters alone stand behind takes no new voter out of the lease of another", () => {
  const cluster = new Cluster(paxos, { membership: old, members, core: { reads: "lease" } });
  growWithLosses(cluster);
  // {a, b} apart from {c, d, e}, who have the lease of c.
  const isApart = (from: MemberId, to: MemberId) => "ab".includes(from) !== "ab".includes(to);
  const leads = (id: MemberId) => cluster.at(id).core.status().role === "leader";
  for (let i = 0; i < 200 && !leads("a") && !leads("b"); i++) elapse(cluster, 1, isApart);
  const other = leads("a") ? "a" : "b";
  assert(leads(other) && leads("c"));
  // Now c is the one that is apart.
  const isAlone = (from: MemberId, to: MemberId) => from === "c" || to === "c";
  for (let i = 0; i < 8; i++) {
    elapse(cluster, 1, isAlone);
    proposeTwo(cluster, other);
    const written = Math.max(...members.map((id) => cluster.at(id).core.status().appliedIndex));
    cluster.step("c", { kind: "read", token: 9 });
    const answer = cluster.answers.at(-1)?.effect;
    if (answer?.kind === "readReady") assert(answer.index >= written, "a stale read");
  }
  elapse(cluster, 60, () => false);
  const states = members.map((id) => cluster.at(id).core.status());
  assert.equal(new Set(states.map(({ appliedIndex }) => appliedIndex)).size, 1);
});

test("who comes back without its disk under the leader that removed it is asked for its promise anew", () => {
  const cluster = new Cluster(paxos, { membership: membershipOf(["a", "b"]) });
  const change = (kind: "remove" | "addLearner" | "promote") => {
    const changes = [{ kind, member: "b" }];
    cluster.step("a", { kind: "changeMembership", changes, context: bytesOf(""), token: 1 });
    cluster.elapse(30);
  };
  cluster.step("a", { kind: "campaign" });
  cluster.stabilize();
  assert.equal(cluster.leader(), "a");
  change("remove");
  cluster.addMachine("b");
  change("addLearner");
  const asked: PaxosMessage["kind"][] = [];
  const deliver = cluster.deliver.bind(cluster);
  cluster.deliver = (letter) => {
    asked.push(paxos.decodeMessage(letter.bytes).kind);
    deliver(letter);
  };
  change("promote");
  assert.deepEqual(cluster.at("a").core.status().membership, membershipOf(["a", "b"]));
  assert.equal(cluster.leader(), "a");
  assert(asked.includes("prepareRequest"), "the quorum of two needs a promise of its new disk");
});

test("an acceptor is never talked into a second value of one ballot", () => {
  const core = paxos.create(
    { id: "b", heartbeatTicks: 2, electionTicks: 10, tickMs: 10, random: () => 0.5 },
    {
      state: undefined,
      base: { index: 0, epoch: 0, proposer: "", membership: old },
      entries: [],
      applied: 0,
    },
  );
  const ballot = { round: 1, proposer: "a" };
  const accept = (text: string): PaxosMessage => {
    const payload = bytesOf(text);
    const entry: Entry = { index: 1, epoch: 1, proposer: "a", kind: "command", payload };
    return { kind: "acceptRequest", ballot, first: 1, commitIndex: 0, entries: [entry] };
  };
  const hear = (message: PaxosMessage) => core.step({ kind: "receive", from: "a", message }, 0);
  hear(accept("one"));
  hear(accept("one"));
  assert.throws(() => hear(accept("two")), /a ballot proposes one value in a slot/);
});

/** c leads, and a and b each hear of one half of the change that lets d and e vote. */
function growWithLosses(cluster: Cluster<PaxosMessage, PaxosState>): void {
  const has = (id: MemberId, index: number) => cluster.at(id).core.entryAt(index) !== undefined;
  const indexesIn = (message: PaxosMessage) =>
    message.kind === "acceptRequest" ? message.entries.map((entry) => entry.index) : [];
  cluster.step("c", { kind: "campaign" });
  elapse(cluster, 2, () => false);
  assert.equal(cluster.leader(), "c");
  // Of the change, a hears the joint membership only and b the last one only.
  const isLost = (from: MemberId, to: MemberId, message: PaxosMessage) => {
    if (from !== "c") return false;
    if (to === "a") return has("a", 1);
    return to === "b" && indexesIn(message).some((index) => index !== 2);
  };
  const [addD, addE] = ["d", "e"].map((member) => ({ kind: "addVoter" as const, member }));
  const context = new Uint8Array(0);
  const changes = [addD!, addE!];
  cluster.step("c", { kind: "changeMembership", changes, context, token: 1 });
  for (let i = 0; i < 12 && cluster.at("c").core.status().commitIndex < 2; i++) {
    elapse(cluster, 1, isLost);
  }
  assert.equal(cluster.at("c").core.status().commitIndex, 2);
  assert.deepEqual(
    [has("a", 1), has("a", 2), has("b", 1), has("b", 2)],
    [true, false, false, true],
  );
}

function membershipEntry(index: number, membership: Membership): Entry {
  const payload = encodeMembershipEntry(membership, new Uint8Array(0));
  return { index, epoch: 1, proposer: "c", kind: "membership", payload };
}

function command(index: number, text: string): Entry {
  return { index, epoch: 1, proposer: "c", kind: "command", payload: bytesOf(text) };
}

/** Everybody remembers ballot 1.c; `commits` is what each knows to be chosen. */
function clusterWith(
  commits: Record<MemberId, number>,
  bases: Record<MemberId, LogPoint> = {},
): Cluster<PaxosMessage, PaxosState> {
  const restored: ClusterOptions["restored"] = (id) => {
    const commit = commits[id]!;
    const state = { round: 1, proposer: "c", commit, prepareQuorum: 0, acceptQuorum: 0 };
    const base = bases[id];
    const entries = accepted[id]!.filter(({ index }) => index > (base?.index ?? 0));
    return { state: state as never, entries, ...(base && { base }) };
  };
  const cluster = new Cluster(paxos, { membership: old, members, restored });
  // What a restart knows to be chosen is applied.
  for (const id of members) for (const effect of cluster.step(id)) assert(effect.kind !== "send");
  return cluster;
}

function cutBetween(
  cluster: Cluster<PaxosMessage, PaxosState>,
  some: readonly MemberId[],
  others: readonly MemberId[],
): void {
  for (const one of some) {
    for (const other of others) {
      cluster.cut(one, other);
      cluster.cut(other, one);
    }
  }
}

/** a leads by the promise of b; what `member` sends meanwhile is held back and returned. */
function leadBefore(cluster: Cluster<PaxosMessage, PaxosState>, member: MemberId): Letter[] {
  cutBetween(cluster, ["a", "b"], ["d", "e"]);
  cutBetween(cluster, ["c"], ["d", "e"]);
  cluster.step("a", { kind: "campaign" });
  const late: Letter[] = [];
  const leads = () => cluster.at("a").core.status().role === "leader";
  for (let i = 0; i < 50 && !leads(); i++) {
    for (const id of members) while (cluster.persist(id));
    const letters = cluster.letters;
    cluster.letters = [];
    for (const letter of letters) {
      if (letter.from === member) late.push(letter);
      else cluster.deliver(letter);
    }
  }
  assert(leads());
  return late;
}

function proposeTwo(
  cluster: Cluster<PaxosMessage, PaxosState>,
  leader: MemberId,
  text = "new",
): void {
  const proposals = [3, 4].map((token) => ({ token, payload: bytesOf(`${text}-${token}`) }));
  cluster.step(leader, { kind: "propose", proposals });
}

/** Time for all; messages for which `isLost` says so do not arrive. */
function elapse(
  cluster: Cluster<PaxosMessage, PaxosState>,
  ticks: number,
  isLost: (from: MemberId, to: MemberId, message: PaxosMessage) => boolean,
): void {
  for (let i = 0; i < ticks; i++) {
    cluster.nowMs += 10;
    for (const id of members) cluster.step(id, { kind: "tick" });
    for (let moved = true; moved; ) {
      moved = members.filter((id) => cluster.persist(id)).length > 0;
      const letters = cluster.letters;
      cluster.letters = [];
      for (const letter of letters) {
        moved = true;
        const { from, to, bytes } = letter;
        if (!isLost(from, to, paxos.decodeMessage(bytes))) cluster.deliver(letter);
      }
    }
  }
}

function commandsOf(cluster: Cluster<PaxosMessage, PaxosState>, id: MemberId): string[] {
  const commands = cluster.at(id).applied.filter(({ kind }) => kind === "command");
  return commands.map(({ payload }) => new TextDecoder().decode(payload));
}

/** What was chosen first stands, the leader's own values come after it, and all applied the same. */
function assertAgreed(cluster: Cluster<PaxosMessage, PaxosState>): void {
  for (const id of members) {
    assert.deepEqual(commandsOf(cluster, id), ["chosen-3", "chosen-4", "new-3", "new-4"], id);
  }
}
