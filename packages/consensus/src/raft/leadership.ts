// What only a leader keeps: the progress of every follower, the rounds that confirm that it still
// leads, and reads that wait for them. Gone the moment it is no longer leader.

import { assert } from "../assert.ts";
import type { Index, MemberId } from "../contract.ts";
import { membersOf } from "../membership/membership.ts";
import { Progress } from "../progress/progress.ts";
import { createRounds, type Rounds } from "../reads/rounds.ts";
import { membership, type Raft } from "./self.ts";

export interface Leadership extends Rounds {
  /** Everyone but this member, sorted: the order of messages never depends on a Map. */
  peers: Progress[];
  /** The no-op of this term; once it is committed, everything earlier is known to be. */
  readonly termStartIndex: Index;
  uncommittedBytes: number;
  /** Where the last membership stands that was told as settled in this lead. */
  membershipSettled: Index;
  heartbeatElapsed: number;
  heartbeatDue: boolean;
  quorumElapsed: number;
  /** Who answered in the interval before this one. */
  activeBefore: ReadonlySet<MemberId>;
  /** The end of the log at the last check of the quorum, and at the one before it. */
  lastIndexAtCheck: Index;
  lastIndexAtCheckBefore: Index;
  /** An election that need not wait for the lease was allowed in this term. */
  leaseVoid: boolean;
  checksUntilHandover: number;
}

export function createLeadership(termStartIndex: Index): Leadership {
  return {
    peers: [],
    termStartIndex,
    uncommittedBytes: 0,
    membershipSettled: 0,
    heartbeatElapsed: 0,
    heartbeatDue: false,
    quorumElapsed: 0,
    activeBefore: new Set(),
    lastIndexAtCheck: termStartIndex,
    lastIndexAtCheckBefore: termStartIndex,
    ...createRounds(),
    leaseVoid: false,
    checksUntilHandover: 1,
  };
}

export function leadershipOf(raft: Raft): Leadership {
  assert(raft.leadership !== undefined, "only a leader does this");
  return raft.leadership;
}

export function peerOf(leadership: Leadership, member: MemberId): Progress | undefined {
  for (const peer of leadership.peers) if (peer.id === member) return peer;
  return undefined;
}

/** How far a member's durable log is known to agree with the leader's. */
export function matchOf(raft: Raft, leadership: Leadership, member: MemberId): Index {
  if (member === raft.settings.id) return raft.durableIndex;
  return peerOf(leadership, member)?.match ?? 0;
}

/**
 * Whoever is in the membership is fed, and nobody else. Members that join a leader at work count as
 * active until they had the time to answer, or a check of the quorum could depose it at once.
 */
export function alignPeers(raft: Raft, leadership: Leadership, joinAtWork: boolean): void {
  const { id, limits } = raft.settings;
  const create = (member: MemberId) => {
    const peer = new Progress(member, raft.log.lastIndex + 1, limits.messagesInFlightMax);
    peer.recentlyActive = joinAtWork;
    return peer;
  };
  leadership.peers = membersOf(membership(raft))
    .filter((member) => member !== id)
    .map((member) => peerOf(leadership, member) ?? create(member));
  // A lease was promised by a quorum of the membership before; it is earned again.
  leadership.leaseFromMs = Number.NEGATIVE_INFINITY;
}
