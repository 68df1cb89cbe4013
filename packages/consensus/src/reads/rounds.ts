// Rounds of heartbeats by which a leader learns that it still leads. Whoever answers one confirms all up
// to it: a read is answered once a round that was sent after it was asked is confirmed by a quorum.

import type { Index, MemberId, Token } from "../contract.ts";

/** One of the leader's own reads, or the reads of a follower's turn. */
export type ReadAsked =
  | { readonly kind: "own"; readonly token: Token }
  | { readonly kind: "follower"; readonly from: MemberId; readonly request: number };

/** Heartbeats sent together. */
export interface Round {
  readonly round: number;
  readonly sentAtMs: number;
  /** The commit index when the reads were asked. */
  readonly readIndex: Index;
  readonly reads: readonly ReadAsked[];
}

/** A leadership, as far as reads go. */
export interface Rounds {
  readsWaiting: ReadAsked[];
  /** Sent and not yet confirmed, ascending. */
  rounds: Round[];
  lastRound: number;
  readonly roundAnswered: Map<MemberId, number>;
  /** When the newest confirmed round was sent. */
  leaseFromMs: number;
}

export function createRounds(): Rounds {
  return {
    readsWaiting: [],
    rounds: [],
    lastRound: 0,
    roundAnswered: new Map(),
    leaseFromMs: Number.NEGATIVE_INFINITY,
  };
}

/** A new round, about to be sent. It carries the reads that wait, if they may be answered at all. */
export function addRound(
  leadership: Rounds,
  self: { readonly nowMs: number; readonly commitIndex: Index },
  canRead: boolean,
): number {
  const round = ++leadership.lastRound;
  leadership.rounds.push({
    round,
    sentAtMs: self.nowMs,
    readIndex: self.commitIndex,
    reads: canRead ? leadership.readsWaiting : [],
  });
  if (canRead) leadership.readsWaiting = [];
  return round;
}

/** What a quorum confirmed is done with: returns those rounds, for their reads to be answered. */
export function takeConfirmed(leadership: Rounds, confirmed: number): readonly Round[] {
  const { rounds } = leadership;
  let done = 0;
  for (; done < rounds.length && rounds[done]!.round <= confirmed; done++) {
    // A lease counts from the moment a round was SENT.
    leadership.leaseFromMs = Math.max(leadership.leaseFromMs, rounds[done]!.sentAtMs);
  }
  return rounds.splice(0, done);
}

/** It leads no more: all reads that wait for anything. */
export function takeReads(leadership: Rounds): readonly ReadAsked[] {
  const reads = leadership.rounds.flatMap((round) => round.reads);
  return [...reads, ...leadership.readsWaiting];
}
