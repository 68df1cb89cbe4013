// Majorities, or quorums of another size, of one configuration or of two at once. Pure arithmetic: the commit index that a
// quorum stands behind, and the verdict of a vote (Raft §5.2, §5.4; dissertation §4.3 for joint).

import type { Index, MemberId, Membership } from "../contract.ts";

export type Verdict = "won" | "lost" | "pending";

export function majorityOf(count: number): number {
  return (count >>> 1) + 1;
}

/** How many of so many voters make up a quorum: `majorityOf`, or what a protocol asks for. */
export type QuorumSize = (voters: number) => number;

/** The highest index that a majority of `voters` has reached. No voters: nothing limits it. */
export function majorityIndex(
  voters: readonly MemberId[],
  matchOf: (member: MemberId) => Index,
): Index {
  return countIndex(voters, majorityOf, matchOf);
}

/** The same for a membership: while joint, both majorities are needed. */
export function quorumIndex(membership: Membership, matchOf: (member: MemberId) => Index): Index {
  return quorumIndexOf(membership, majorityOf, matchOf);
}

/** The same for quorums of another size. */
export function quorumIndexOf(
  membership: Membership,
  sizeOf: QuorumSize,
  matchOf: (member: MemberId) => Index,
): Index {
  const incoming = countIndex(membership.voters, sizeOf, matchOf);
  if (membership.votersOutgoing.length === 0) return incoming;
  return Math.min(incoming, countIndex(membership.votersOutgoing, sizeOf, matchOf));
}

/** Votes of members that are not in `voters` count for nothing, and each counts once. */
export function majorityVerdict(
  voters: readonly MemberId[],
  votes: ReadonlyMap<MemberId, boolean>,
): Verdict {
  return countVerdict(voters, majorityOf, votes);
}

export function quorumVerdict(
  membership: Membership,
  votes: ReadonlyMap<MemberId, boolean>,
): Verdict {
  return quorumVerdictOf(membership, majorityOf, votes);
}

export function quorumVerdictOf(
  membership: Membership,
  sizeOf: QuorumSize,
  votes: ReadonlyMap<MemberId, boolean>,
): Verdict {
  const incoming = countVerdict(membership.voters, sizeOf, votes);
  const outgoing = countVerdict(membership.votersOutgoing, sizeOf, votes);
  if (incoming === outgoing) return incoming;
  return incoming === "lost" || outgoing === "lost" ? "lost" : "pending";
}

function countIndex(
  voters: readonly MemberId[],
  sizeOf: QuorumSize,
  matchOf: (member: MemberId) => Index,
): Index {
  if (voters.length === 0) return Number.MAX_SAFE_INTEGER;
  // Sorted as it grows, because a handful of numbers needs no comparator calls.
  const sorted: Index[] = [];
  for (const voter of voters) {
    const match = matchOf(voter);
    let place = sorted.length;
    while (place > 0 && sorted[place - 1]! > match) {
      sorted[place] = sorted[place - 1]!;
      place--;
    }
    sorted[place] = match;
  }
  return sorted[voters.length - sizeOf(voters.length)]!;
}

function countVerdict(
  voters: readonly MemberId[],
  sizeOf: QuorumSize,
  votes: ReadonlyMap<MemberId, boolean>,
): Verdict {
  if (voters.length === 0) return "won";
  let granted = 0;
  let refused = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === true) granted++;
    else if (vote === false) refused++;
  }
  const needed = sizeOf(voters.length);
  if (granted >= needed) return "won";
  return refused > voters.length - needed ? "lost" : "pending";
}

/** Whether the members for which `has` says yes make up a quorum. */
export function isQuorum(membership: Membership, has: (member: MemberId) => boolean): boolean {
  return quorumIndex(membership, (member) => (has(member) ? 1 : 0)) >= 1;
}

/** "2 of 3; needs 2", for people: how far a count of members has come. */
export function describeQuorum(membership: Membership, has: (member: MemberId) => boolean): string {
  const describe = (voters: readonly MemberId[]) =>
    `${voters.filter(has).length} of ${voters.length}; needs ${majorityOf(voters.length)}`;
  return membership.votersOutgoing.length === 0
    ? describe(membership.voters)
    : `${describe(membership.voters)} (new), ${describe(membership.votersOutgoing)} (old)`;
}
