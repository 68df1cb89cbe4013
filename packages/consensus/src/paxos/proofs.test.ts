// What one member may grant and what it may take for proved, message by message: slips there stay unseen for long, since the
// others seldom say what would make them matter.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CoreOptions, Restored } from "../contract.ts";
import { Alone, entry, messagesIn } from "../testing/alone.ts";
import { bytesOf, clusterOf } from "../testing/cluster.ts";
import type { PaxosState } from "./durable-state.ts";
import type { PaxosMessage } from "./messages.ts";
import { type PaxosCore, paxos } from "./paxos.ts";
import type { QuorumSizes } from "./quorums.ts";

type Member = Alone<PaxosMessage, PaxosState, PaxosCore>;

const majorities = { prepare: 0, accept: 0 };
const ballot = (round: number, proposer: string) => ({ round, proposer });

/** It follows b, which leads by ballot 5. */
function followerOf5b(
  restored: Partial<Restored<PaxosState>> = {},
  options: Partial<CoreOptions> = {},
): Member {
  const member: Member = new Alone(paxos, restored, options);
  member.receive("b", {
    kind: "heartbeatRequest",
    ballot: ballot(5, "b"),
    commitIndex: 0,
    round: 1,
  });
  return member;
}

function isGranted(member: Member, round: number, commitIndex: number, from = "c"): boolean {
  const request = { ballot: ballot(round, from), commitIndex, priority: 1 };
  const effects = member.receive(from, { kind: "canvassRequest", ...request });
  const [answer] = messagesIn(effects, "canvassResponse");
  assert.ok(answer !== undefined);
  return answer.granted;
}

test("a canvass is granted when the ballot is higher, the leader is silent and nobody is fitter: all three", () => {
  const base = { index: 4, epoch: 1, proposer: "b" };
  const compacted = { base: { ...base, membership: followerOf5b().core.status().membership } };
  const silent = (member: Member, ticks: number) => {
    for (let i = 0; i < ticks; i++) member.step({ kind: "tick" });
    return member;
  };
  assert.equal(isGranted(followerOf5b(), 9, 4), false, "it hears its leader");
  assert.equal(isGranted(silent(followerOf5b(), 10), 9, 4), true);
  assert.equal(isGranted(silent(followerOf5b(), 10), 4, 4), false, "a ballot below its promise");
  const whole = { ...compacted, applied: 4 };
  assert.equal(isGranted(silent(followerOf5b(whole), 10), 9, 3), false, "it would need a snapshot");
  assert.equal(isGranted(silent(followerOf5b(whole), 10), 9, 4), true);
  assert.equal(isGranted(silent(followerOf5b(whole), 34), 9, 3), true, "nobody fitter came");
});

test("a proposer with other quorums in either phase is refused", () => {
  const answers = (quorums: QuorumSizes) => {
    const member: Member = new Alone(
      paxos,
      {},
      {
        paxosQuorums: { prepare: 2, accept: 2 },
      },
    );
    const request = { ballot: ballot(3, "b"), first: 1, handedOver: undefined, quorums };
    const effects = member.receive("b", { kind: "prepareRequest", ...request });
    return [messagesIn(effects, "promise").length, messagesIn(effects, "refusal").length];
  };
  assert.deepEqual(answers({ prepare: 2, accept: 2 }), [1, 0]);
  assert.deepEqual(answers({ prepare: 3, accept: 2 }), [0, 1]);
  assert.deepEqual(answers({ prepare: 2, accept: 1 }), [0, 1]);
  assert.deepEqual(answers(majorities), [0, 1]);
});

test("before a snapshot takes the store's place the disk knows that it will", () => {
  const member = followerOf5b({ entries: [entry(1, 5, { proposer: "b" })] });
  const point = { index: 9, epoch: 5, proposer: "b" };
  const { membership } = member.core.status();
  const effects = member.step({
    kind: "snapshotReceived",
    from: "b",
    epoch: 5,
    point: { ...point, membership },
  });
  const written = effects.flatMap((one) => (one.kind === "persist" ? [one] : []));
  assert.equal(written[0]?.state?.installing, 9);
  assert.ok(
    effects.findIndex((one) => one.kind === "installSnapshot") > effects.indexOf(written[0]!),
  );
});

test("what a peer held and has forgotten with a crash is sent to it again", () => {
  const accepted = [1, 2, 3].map((slot) => entry(slot, 1, { proposer: "b" }));
  const member = followerOf5b({ entries: accepted });
  const preparing = member.receive("b", { kind: "takeOver", ballot: ballot(5, "b") });
  member.persist(preparing);
  const own = member.core.inspect().promised;
  const promise = { first: 1, last: 3, isLast: true, commitIndex: 0, baseIndex: 0 } as const;
  member.receive("c", { kind: "promise", ballot: own, ...promise, entries: accepted });
  assert.equal(member.core.status().role, "leader");
  const beat = () => {
    const effects = [...member.step({ kind: "tick" }), ...member.step({ kind: "tick" })];
    return messagesIn(effects, "heartbeatRequest")[0]!.round;
  };
  const answer = (round: number, index: number) =>
    member.receive("c", {
      kind: "heartbeatResponse",
      ballot: own,
      round,
      priority: 1,
      matchIndex: index,
      receivedIndex: index,
      commitIndex: 0,
    });
  const { lastIndex } = member.core.status();
  answer(beat(), lastIndex);
  assert.deepEqual(messagesIn(answer(beat(), lastIndex), "acceptRequest"), []);
  // It came back, and hears of this ballot for the first time.
  const again = messagesIn(answer(beat(), 0), "acceptRequest");
  assert.deepEqual(
    again.flatMap(({ entries }) => entries.map(({ index }) => index)),
    Array.from({ length: lastIndex }, (_, i) => i + 1),
  );
});

test("a transfer to a member that cannot be reached ends, and the leader takes proposals again", () => {
  const cluster = clusterOf(paxos, 3);
  cluster.step("a", { kind: "campaign" });
  cluster.stabilize();
  assert.equal(cluster.leader(), "a");
  cluster.isolate("c");
  cluster.step("a", { kind: "transferLeadership", to: "c", token: 9 });
  const propose = () => {
    cluster.step("a", { kind: "propose", proposals: [{ token: 1, payload: bytesOf("x") }] });
    return cluster.answers.at(-1)?.effect.kind;
  };
  cluster.elapse(9);
  assert.equal(propose(), "rejected");
  cluster.elapse(1);
  const { effect } = cluster.answers.at(-1)!;
  assert.ok(effect.kind === "rejected");
  assert.deepEqual([effect.token, effect.reason], [9, "timedOut"]);
  assert.equal(propose(), "accepted");
});
