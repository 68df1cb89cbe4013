// Proposal numbers (Paxos Made Simple §2.2): totally ordered, and no two proposers ever use the same
// one, because each names its proposer. A proposer that raises the round before it uses a ballot,
// and remembers it on disk, never uses one twice.

import type { Epoch, MemberId } from "../contract.ts";

export interface Ballot {
  readonly round: Epoch;
  readonly proposer: MemberId;
}

/** Below every ballot that anybody uses. */
export const noBallot: Ballot = { round: 0, proposer: "" };

/** Negative when `one` is lower, 0 when they are the same. */
export function compareBallots(one: Ballot, other: Ballot): number {
  if (one.round !== other.round) return one.round - other.round;
  if (one.proposer === other.proposer) return 0;
  return one.proposer < other.proposer ? -1 : 1;
}

export function sameBallot(one: Ballot, other: Ballot): boolean {
  return one.round === other.round && one.proposer === other.proposer;
}

/** "3.a", for logs and traces. */
export function describeBallot({ round, proposer }: Ballot): string {
  return `${round}.${proposer === "" ? "-" : proposer}`;
}
