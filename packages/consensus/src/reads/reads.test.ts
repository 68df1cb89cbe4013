// Reads find their way out of both tables exactly once.

import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import {
  type ForwardedReads,
  noteForwarded,
  takeAllForwarded,
  takeForwarded,
  takeOverdue,
} from "./forwarded-reads.ts";
import { addRound, createRounds, takeConfirmed, takeReads } from "./rounds.ts";

const own = (token: number) => ({ kind: "own", token }) as const;

test("a round answers the reads that were asked before it was sent, and no later ones", () => {
  const rounds = createRounds();
  rounds.readsWaiting.push(own(1));
  equal(addRound(rounds, { nowMs: 10, commitIndex: 5 }, true), 1);
  rounds.readsWaiting.push(own(2));
  const [confirmed, ...more] = takeConfirmed(rounds, 1);
  deepEqual([confirmed?.reads, confirmed?.readIndex, more], [[own(1)], 5, []]);
  deepEqual(takeReads(rounds), [own(2)]);
});

test("a round that may answer nothing leaves the reads waiting", () => {
  const rounds = createRounds();
  rounds.readsWaiting.push(own(1));
  addRound(rounds, { nowMs: 10, commitIndex: 5 }, false);
  deepEqual(takeConfirmed(rounds, 1)[0]?.reads, []);
  deepEqual(rounds.readsWaiting, [own(1)]);
});

test("a lease counts from the sending of the newest round that was confirmed", () => {
  const rounds = createRounds();
  for (const nowMs of [10, 20, 30]) addRound(rounds, { nowMs, commitIndex: 0 }, true);
  takeConfirmed(rounds, 2);
  equal(rounds.leaseFromMs, 20);
});

test("a forwarded read is answered, overdue or abandoned: once", () => {
  const self = {
    settings: { electionTicks: 2 },
    readsForwarded: new Map<number, ForwardedReads>(),
    nextReadRequest: 7,
  };
  const first = noteForwarded(self, [1, 2]);
  equal(first, 8);
  deepEqual(takeOverdue(self), []);
  noteForwarded(self, [3]);
  deepEqual(takeForwarded(self, first), [1, 2]);
  deepEqual(takeForwarded(self, first), []);
  noteForwarded(self, [4]);
  deepEqual([takeOverdue(self), takeOverdue(self)], [[], [3, 4]]);
  noteForwarded(self, [5]);
  deepEqual([takeAllForwarded(self), takeAllForwarded(self)], [[5], []]);
});
