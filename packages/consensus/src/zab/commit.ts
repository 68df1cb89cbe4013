// Where a transaction becomes committed: a quorum of those that took over the leader's epoch holds it
// durably; all before it are committed with it (Zab §IV phase 3). A follower takes the leader's word.

import type { Index } from "../contract.ts";
import { quorumIndex } from "../quorum/quorum.ts";
import { type Leadership, leadershipOf, matchOf } from "./leadership.ts";
import { afterCommit } from "./membership-change.ts";
import { membership, type Zab } from "./self.ts";

/** An acknowledgement came, or the membership changed. */
export function maybeCommit(zab: Zab): void {
  const leadership = leadershipOf(zab);
  if (leadership.phase !== "broadcast") return;
  const reached = quorumIndex(membership(zab), (member) => matchOf(zab, leadership, member));
  const index = Math.min(reached, zab.log.lastIndex);
  if (index > zab.commitIndex) advanceCommit(zab, leadership, index);
}

export function advanceCommit(zab: Zab, leadership: Leadership, index: Index): void {
  for (let committed = zab.commitIndex + 1; committed <= index; committed++) {
    leadership.uncommittedBytes -= zab.log.at(committed)!.payload.length;
  }
  zab.commitIndex = Math.max(zab.commitIndex, index);
  afterCommit(zab);
}

/** The leader said that this much of what it and this member agree on is committed. */
export function learnCommit(zab: Zab, commitIndex: Index): void {
  zab.commitIndex = Math.max(zab.commitIndex, Math.min(commitIndex, zab.log.lastIndex));
}
