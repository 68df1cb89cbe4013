// Members that wait for each other. Nothing of safety is at stake, and no timeout helps: each does again
// and again what makes the other wait. Memberships of different age are what brings them there, and
// messages that come twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry, MemberId, Membership, Restored } from "../contract.ts";
import { encodeMembershipEntry } from "../membership/codec.ts";
import { membershipOf } from "../membership/membership.ts";
import { bytesOf, Cluster, clusterOf, type Letter } from "../testing/cluster.ts";
import type { ZabState } from "./durable-state.ts";
import type { ZabMessage } from "./messages.ts";
import { zab } from "./zab.ts";

test("a member that was cut off is answered by one that does not count it among the voters", () => {
  // a knows that the two of them are the voters now; b has not heard of it.
  const cluster = clusterWith({
    membership: membershipOf(["c", "d"], ["a", "b"]),
    members: ["a", "b"],
    histories: { a: [membershipEntry(1, membershipOf(["a", "b"]))], b: [] },
  });
  cluster.cut("b", "a");
  // So long that a offers itself to nobody any more.
  cluster.elapse(60);
  cluster.heal();
  cluster.elapse(100);
  assert.equal(cluster.leader(), "a");
});

test("who votes for a member outside of its own membership tells that member", () => {
  // b needs both of the others; c knows neither of b nor of the change, and its vote is for b.
  const change = membershipEntry(2, {
    voters: ["b", "c"],
    votersOutgoing: ["a", "c"],
    learners: [],
    learnersNext: [],
  });
  const noop: Entry = { ...change, index: 1, kind: "noop", payload: new Uint8Array(0) };
  const cluster = clusterWith({
    membership: membershipOf(["a", "c"]),
    members: ["a", "b", "c"],
    histories: { a: [noop, change], b: [noop, change], c: [noop] },
  });
  // What c knows of b it has from a.
  cluster.cut("b", "c");
  let isTold = false;
  // Well before anybody gives this round up.
  for (let i = 0; i < 8; i++) {
    cluster.nowMs += 10;
    for (const id of ["a", "b", "c"]) cluster.tick(id);
    for (const letter of cluster.letters.splice(0)) {
      const message = zab.decodeMessage(letter.bytes);
      const isVote = message.kind === "notification" && message.vote?.leader === "b";
      if (isVote && letter.from === "c" && letter.to === "b") isTold = true;
      cluster.deliver(letter);
    }
    for (const id of ["a", "b", "c"]) while (cluster.persist(id));
  }
  assert(isTold, "c votes for b, and b knows");
  cluster.heal();
  cluster.elapse(100);
  assert.notEqual(cluster.leader(), undefined);
});

test("a session that the leader began twice, because it was asked for twice, is begun anew", () => {
  const cluster = clusterOf(zab, 2);
  const asked: Letter[] = [];
  let losses = 1;
  for (let i = 0; i < 300; i++) {
    if (cluster.letters.length === 0) cluster.nowMs += 10;
    if (cluster.letters.length === 0) for (const id of ["a", "b"]) cluster.tick(id);
    for (const id of ["a", "b"]) while (cluster.persist(id));
    for (const letter of cluster.letters.splice(0)) {
      const { kind } = zab.decodeMessage(letter.bytes);
      if (kind === "followerInfo") asked.push(letter);
      // What is lost in a session ends it.
      if (kind === "diff" && losses-- > 0) continue;
      cluster.deliver(letter);
    }
  }
  const leader = cluster.leader();
  assert(leader !== undefined);
  const sessions = asked.map(({ bytes }) => {
    const message = zab.decodeMessage(bytes);
    return message.kind === "followerInfo" ? message.session : 0;
  });
  const present = Math.max(...sessions);
  assert(Math.min(...sessions) < present, "there was a session before");
  // Both come once more, the old one first.
  cluster.deliver(asked[0]!);
  cluster.deliver(asked[sessions.indexOf(present)]!);
  cluster.elapse(60);
  const next = cluster.leader();
  assert(next !== undefined);
  cluster.step(next, { kind: "propose", proposals: [{ token: 1, payload: bytesOf("goes on") }] });
  cluster.elapse(30);
  for (const id of ["a", "b"]) assert.equal(cluster.at(id).core.status().appliedIndex, 1, id);
});

function membershipEntry(index: number, membership: Membership): Entry {
  const payload = encodeMembershipEntry(membership, new Uint8Array(0));
  return { index, epoch: 1, proposer: "", kind: "membership", payload };
}

/** Everybody took part in epoch 1, and has so much of it. */
function clusterWith(options: {
  readonly membership: Membership;
  readonly members: readonly MemberId[];
  readonly histories: Readonly<Record<MemberId, readonly Entry[]>>;
}): Cluster<ZabMessage, ZabState> {
  const state: ZabState = { acceptedEpoch: 1, currentEpoch: 1, commit: 0 };
  return new Cluster(zab, {
    membership: options.membership,
    members: options.members,
    restored: (id) =>
      ({ state, entries: options.histories[id]! }) as unknown as Partial<Restored<never>>,
  });
}
