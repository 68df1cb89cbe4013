// Flexible quorums (Howard, Malkhi, Spiegelman 2016): phase 1 and phase 2 may need different numbers
// of acceptors, as long as any quorum of the one meets any quorum of the other. 0 stands for a
// majority. In a joint configuration both sets of voters must agree, each by its own count.

import type { Index, MemberId, Membership } from "../contract.ts";
import { majorityOf, quorumIndexOf, quorumVerdictOf, type Verdict } from "../quorum/quorum.ts";

/** How many acceptors each phase needs; 0 for a majority. */
export interface QuorumSizes {
  readonly prepare: number;
  readonly accept: number;
}

export const majorities: QuorumSizes = { prepare: 0, accept: 0 };

export function sameQuorums(one: QuorumSizes, other: QuorumSizes): boolean {
  return one.prepare === other.prepare && one.accept === other.accept;
}

/** Why these sizes do not fit this membership; "" when they do. */
export function whyQuorumsUnfit(sizes: QuorumSizes, membership: Membership): string {
  for (const { length } of [membership.voters, membership.votersOutgoing]) {
    if (length === 0) continue;
    const prepare = prepareSize(sizes)(length);
    const accept = acceptSize(sizes)(length);
    if (prepare > length || accept > length) {
      return `${length} voters cannot make up quorums of ${prepare} and ${accept}`;
    }
    if (prepare + accept <= length) {
      return `quorums of ${prepare} and ${accept} of ${length} voters need not meet`;
    }
  }
  return "";
}

export function prepareVerdict(
  sizes: QuorumSizes,
  membership: Membership,
  answers: ReadonlyMap<MemberId, boolean>,
): Verdict {
  return quorumVerdictOf(membership, prepareSize(sizes), answers);
}

/** A ballot that could be prepared but not proposed in would be of no use. */
export function canvassVerdict(
  sizes: QuorumSizes,
  membership: Membership,
  answers: ReadonlyMap<MemberId, boolean>,
): Verdict {
  const larger = (count: number) => Math.max(prepareSize(sizes)(count), acceptSize(sizes)(count));
  return quorumVerdictOf(membership, larger, answers);
}

/** The highest slot up to which an accept quorum has come. */
export function acceptIndex(
  sizes: QuorumSizes,
  membership: Membership,
  matchOf: (member: MemberId) => Index,
): Index {
  return quorumIndexOf(membership, acceptSize(sizes), matchOf);
}

export function isAcceptQuorum(
  sizes: QuorumSizes,
  membership: Membership,
  has: (member: MemberId) => boolean,
): boolean {
  return acceptIndex(sizes, membership, (member) => (has(member) ? 1 : 0)) >= 1;
}

export function prepareSize(sizes: QuorumSizes): (count: number) => number {
  return sizes.prepare === 0 ? majorityOf : () => sizes.prepare;
}

export function acceptSize(sizes: QuorumSizes): (count: number) => number {
  return sizes.accept === 0 ? majorityOf : () => sizes.accept;
}
