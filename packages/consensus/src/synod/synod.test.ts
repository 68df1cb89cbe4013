// Paxos Made Simple (Lamport 2001), section 2: a test per claim, and a search that plays every kind of
// loss, doubling, reordering and crash and asks one question only: was one value chosen?

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Acceptor } from "./acceptor.ts";
import { type Ballot, compareBallots, noBallot } from "./ballot.ts";
import { Learner } from "./learner.ts";
import type { SynodRequest, SynodResponse } from "./messages.ts";
import { Proposer } from "./proposer.ts";

const ballot = (round: number, proposer: string): Ballot => ({ round, proposer });
const ofThree = (acceptors: ReadonlySet<string>) => acceptors.size >= 2;

describe("choosing a value (§2.2)", () => {
  test("ballots are totally ordered, and no two proposers share one", () => {
    const sorted = [noBallot, ballot(1, "a"), ballot(1, "b"), ballot(2, "a"), ballot(10, "a")];
    for (const [i, one] of sorted.entries()) {
      for (const [j, other] of sorted.entries()) {
        assert.equal(Math.sign(compareBallots(one, other)), Math.sign(i - j));
      }
    }
  });

  test("P1: an acceptor accepts the first proposal that it receives", () => {
    const acceptor = new Acceptor<string>();
    const answer = acceptor.receive({ kind: "accept", ballot: ballot(1, "a"), value: "x" });
    assert.deepEqual(answer, { kind: "accepted", ballot: ballot(1, "a"), value: "x" });
  });

  test("P1a: it accepts n unless it answered a prepare request numbered higher", () => {
    const acceptor = new Acceptor<string>();
    const n = ballot(2, "b");
    assert.equal(acceptor.receive({ kind: "prepare", ballot: n }).kind, "promise");
    const lower = { kind: "accept", ballot: ballot(2, "a"), value: "x" } as const;
    assert.deepEqual(acceptor.receive(lower), {
      kind: "refused",
      ballot: lower.ballot,
      promised: n,
    });
    assert.equal(acceptor.receive({ kind: "accept", ballot: n, value: "y" }).kind, "accepted");
    const higher = { kind: "accept", ballot: ballot(3, "a"), value: "z" } as const;
    assert.equal(acceptor.receive(higher).kind, "accepted");
  });

  test("a promise tells of the highest-numbered proposal that was accepted", () => {
    const acceptor = new Acceptor<string>();
    acceptor.receive({ kind: "accept", ballot: ballot(1, "a"), value: "x" });
    acceptor.receive({ kind: "accept", ballot: ballot(2, "a"), value: "y" });
    assert.deepEqual(acceptor.receive({ kind: "prepare", ballot: ballot(5, "b") }), {
      kind: "promise",
      ballot: ballot(5, "b"),
      accepted: { ballot: ballot(2, "a"), value: "y" },
    });
  });

  test("an acceptor remembers across a crash what it promised and accepted (§2.2, §3)", () => {
    const before = new Acceptor<string>();
    before.receive({ kind: "accept", ballot: ballot(1, "a"), value: "x" });
    before.receive({ kind: "prepare", ballot: ballot(7, "c") });
    const after = new Acceptor(before.durable);
    const late = after.receive({ kind: "accept", ballot: ballot(6, "b"), value: "y" });
    assert.equal(late.kind, "refused");
    const promise = after.receive({ kind: "prepare", ballot: ballot(8, "b") });
    assert.deepEqual(promise.kind === "promise" && promise.accepted?.value, "x");
  });

  test("P2c: a proposer takes the value of the highest-numbered accepted proposal", () => {
    const proposer = new Proposer("c", "mine", ofThree);
    const { ballot: number } = proposer.prepare();
    const accepted = { ballot: ballot(1, "a"), value: "old" };
    const newer = { ballot: ballot(1, "b"), value: "newer" };
    assert.equal(
      proposer.receive("x", { kind: "promise", ballot: number, accepted: newer }),
      undefined,
    );
    assert.deepEqual(proposer.receive("y", { kind: "promise", ballot: number, accepted }), {
      kind: "accept",
      ballot: number,
      value: "newer",
    });
  });

  test("P2c: it proposes its own value only if nobody in a quorum accepted any", () => {
    const proposer = new Proposer("c", "mine", ofThree);
    const { ballot: number } = proposer.prepare();
    const promise = { kind: "promise", ballot: number, accepted: undefined } as const;
    assert.equal(proposer.receive("x", promise), undefined);
    assert.equal(proposer.receive("x", promise), undefined, "one acceptor counts once");
    assert.deepEqual(proposer.receive("y", promise), {
      kind: "accept",
      ballot: number,
      value: "mine",
    });
    assert.equal(proposer.receive("z", promise), undefined, "one value per ballot, once");
  });

  test("a refused proposer goes above the ballot that was in its way", () => {
    const proposer = new Proposer("a", "mine", ofThree);
    const first = proposer.prepare();
    proposer.receive("x", { kind: "refused", ballot: first.ballot, promised: ballot(9, "b") });
    assert.equal(proposer.phase, "idle");
    const late = { kind: "promise", ballot: first.ballot, accepted: undefined } as const;
    assert.equal(proposer.receive("y", late), undefined);
    assert.deepEqual(proposer.prepare().ballot, ballot(10, "a"));
  });

  test("a proposer that restarts uses no ballot again", () => {
    const before = new Proposer("a", "mine", ofThree);
    before.prepare();
    const after = new Proposer("a", "mine", ofThree, before.lastRound);
    assert.deepEqual(after.prepare().ballot, ballot(2, "a"));
  });
});

describe("learning a chosen value (§2.3)", () => {
  test("a value is chosen by a quorum under one ballot, not by two under different ones", () => {
    const learner = new Learner<string>(ofThree);
    learner.receive("x", { kind: "accepted", ballot: ballot(1, "a"), value: "v" });
    learner.receive("x", { kind: "accepted", ballot: ballot(1, "a"), value: "v" });
    learner.receive("y", { kind: "accepted", ballot: ballot(2, "a"), value: "v" });
    assert.equal(learner.chosen, undefined);
    learner.receive("z", { kind: "accepted", ballot: ballot(2, "a"), value: "v" });
    assert.deepEqual(learner.chosen, { kind: "accepted", ballot: ballot(2, "a"), value: "v" });
  });
});

describe("safety (§2.1): only one value is chosen, whatever happens", () => {
  const quorums = fc.constantFrom(
    { acceptors: 3, prepare: 2, accept: 2 },
    { acceptors: 5, prepare: 3, accept: 3 },
    { acceptors: 5, prepare: 4, accept: 2 },
    { acceptors: 4, prepare: 3, accept: 2 },
  );
  const moves = fc.array(fc.tuple(fc.nat(9), fc.nat(1000)), { maxLength: 150, size: "max" });

  test("messages are lost, doubled and late, proposers restart and duel", () => {
    fc.assert(fc.property(quorums, moves, play), { numRuns: 400 });
  });

  test("the search would notice quorums that do not intersect (Flexible Paxos §4)", () => {
    const crooked = fc.constant({ acceptors: 4, prepare: 2, accept: 2 });
    assert.throws(() => fc.assert(fc.property(crooked, moves, play), { numRuns: 5000, seed: 1 }));
  });

  function play(
    sizes: { acceptors: number; prepare: number; accept: number },
    steps: readonly (readonly [number, number])[],
  ): void {
    const ids = ["a", "b", "c", "d", "e"].slice(0, sizes.acceptors);
    const acceptors = new Map(ids.map((id) => [id, new Acceptor<string>()]));
    const prepareQuorum = (set: ReadonlySet<string>) => set.size >= sizes.prepare;
    const acceptQuorum = (set: ReadonlySet<string>) => set.size >= sizes.accept;
    const create = (id: string, lastRound = 0) =>
      new Proposer(id, `of ${id}`, prepareQuorum, lastRound);
    const proposers = new Map(["p", "q", "r"].map((id) => [id, create(id)]));
    const learner = new Learner<string>(acceptQuorum);
    const accepted = new Map<string, Learner<string>>();
    type Letter =
      | { to: string; from: string; request: SynodRequest<string> }
      | { to: string; from: string; response: SynodResponse<string> };
    const letters: Letter[] = [];
    const broadcast = (from: string, request: SynodRequest<string> | undefined) => {
      if (request !== undefined) for (const to of ids) letters.push({ to, from, request });
    };
    const deliver = (letter: Letter) => {
      if ("request" in letter) {
        const response = acceptors.get(letter.to)!.receive(letter.request);
        letters.push({ to: letter.from, from: letter.to, response });
        if (response.kind !== "accepted") return;
        const key = JSON.stringify(response.ballot);
        const ofBallot = accepted.get(key) ?? new Learner<string>(acceptQuorum);
        accepted.set(key, ofBallot);
        ofBallot.receive(letter.to, response);
        learner.receive(letter.to, response);
        if (ofBallot.chosen !== undefined)
          assert.equal(ofBallot.chosen.value, learner.chosen!.value);
      } else {
        const proposer = proposers.get(letter.to)!;
        broadcast(letter.to, proposer.receive(letter.from, letter.response));
      }
    };
    for (const [kind, choice] of steps) {
      const id = ["p", "q", "r"][choice % 3]!;
      const place = choice % Math.max(1, letters.length);
      const letter = letters[place];
      if (kind === 0) broadcast(id, proposers.get(id)!.prepare());
      else if (kind === 1) proposers.set(id, create(id, proposers.get(id)!.lastRound));
      else if (letter === undefined) continue;
      else if (kind === 2) letters.splice(place, 1);
      else if (kind === 3) deliver(letter);
      else {
        letters.splice(place, 1);
        deliver(letter);
      }
    }
  }
});
