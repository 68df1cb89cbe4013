// Where an entry becomes committed (Raft §5.3, §5.4.2): a quorum holds it durably and it is of the
// leader's own term; all before it are committed with it. A follower takes the leader's word for it.

import type { Index } from "../contract.ts";
import { quorumIndex } from "../quorum/quorum.ts";
import { leadershipOf, matchOf } from "./leadership.ts";
import { afterCommit } from "./membership-change.ts";
import { membership, type Raft } from "./self.ts";

/** A match moved, or the membership did. */
export function maybeCommit(raft: Raft): void {
  const leadership = leadershipOf(raft);
  const reached = quorumIndex(membership(raft), (member) => matchOf(raft, leadership, member));
  const index = Math.min(reached, raft.log.lastIndex);
  if (index <= raft.commitIndex) return;
  // Entries of earlier terms are never committed by counting (Raft figure 8, corpus:
  // commit-prior-term): a later leader could still replace them.
  if (raft.log.epochAt(index) !== raft.term) return;
  for (let committed = raft.commitIndex + 1; committed <= index; committed++) {
    leadership.uncommittedBytes -= raft.log.at(committed)!.payload.length;
  }
  raft.commitIndex = index;
  afterCommit(raft);
}

/** The leader said that this much of what it and this member agree on is committed. */
export function learnCommit(raft: Raft, commitIndex: Index): void {
  raft.commitIndex = Math.max(raft.commitIndex, Math.min(commitIndex, raft.log.lastIndex));
}
