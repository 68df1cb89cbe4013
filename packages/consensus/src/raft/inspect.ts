// Copies of the state for those who look at a member from outside: people (status), and checkers,
// traces and the lab (inspection). Nothing in them changes later.

import type { CoreStatus, Entry, Epoch, Index, MemberId, PeerProgress } from "../contract.ts";
import { isVoter } from "../membership/membership.ts";
import { describeQuorum } from "../quorum/quorum.ts";
import { leaseUntilMs } from "./lease.ts";
import {
  type MembershipAt,
  membership,
  membershipIndex,
  type Raft,
  type RaftRole,
} from "./self.ts";
import { publicRole } from "./turn.ts";

export interface RaftInspection {
  readonly id: MemberId;
  readonly role: RaftRole;
  readonly term: Epoch;
  readonly vote: MemberId;
  readonly leader: MemberId | undefined;
  readonly baseIndex: Index;
  readonly baseTerm: Epoch;
  readonly entries: readonly Entry[];
  readonly memberships: readonly MembershipAt[];
  readonly commitIndex: Index;
  readonly durableIndex: Index;
  readonly applySentIndex: Index;
  readonly appliedIndex: Index;
  /** The point of the snapshot that is being installed. */
  readonly installingAt: Index | undefined;
  readonly peers: readonly PeerProgress[];
  /** Leader only: where its term begins. */
  readonly termStartIndex: Index | undefined;
  readonly uncommittedBytes: number;
  /** Leader only: until then, by its own clock, it answers reads from its lease. */
  readonly leaseUntilMs: number;
}

export function inspect(raft: Raft): RaftInspection {
  const { leadership } = raft;
  return Object.freeze({
    id: raft.settings.id,
    role: raft.role,
    term: raft.term,
    vote: raft.vote,
    leader: raft.leader,
    baseIndex: raft.log.baseIndex,
    baseTerm: raft.log.baseEpoch,
    entries: Object.freeze(raft.log.toArray()),
    memberships: Object.freeze(raft.memberships.slice()),
    commitIndex: raft.commitIndex,
    durableIndex: raft.durableIndex,
    applySentIndex: raft.applySentIndex,
    appliedIndex: raft.appliedIndex,
    installingAt: raft.installing?.point.index,
    peers: Object.freeze(reportPeers(raft)),
    termStartIndex: raft.leadership?.termStartIndex,
    uncommittedBytes: raft.leadership?.uncommittedBytes ?? 0,
    leaseUntilMs:
      leadership === undefined ? Number.NEGATIVE_INFINITY : leaseUntilMs(raft, leadership),
  });
}

export function status(raft: Raft): CoreStatus {
  return {
    id: raft.settings.id,
    role: publicRole(raft),
    epoch: raft.term,
    leader: raft.leader,
    firstIndex: raft.log.baseIndex + 1,
    lastIndex: raft.log.lastIndex,
    commitIndex: raft.commitIndex,
    appliedIndex: raft.appliedIndex,
    membership: membership(raft),
    membershipIndex: membershipIndex(raft),
    peers: reportPeers(raft),
    leaderless: raft.leader === undefined ? whyLeaderless(raft) : "",
  };
}

function reportPeers(raft: Raft): PeerProgress[] {
  return raft.leadership === undefined ? [] : raft.leadership.peers.map((peer) => peer.report());
}

function whyLeaderless(raft: Raft): string {
  const { id, priority } = raft.settings;
  const granted = (member: MemberId) => raft.votes.get(member) === true;
  if (raft.role === "preCandidate") {
    return `pre-vote: heard from ${describeQuorum(membership(raft), granted)}`;
  }
  if (raft.role === "candidate") {
    return `vote in term ${raft.term}: ${describeQuorum(membership(raft), granted)}`;
  }
  if (raft.installing !== undefined) return "a snapshot is being installed";
  if (membership(raft).learners.includes(id)) return "a learner waits to hear a leader";
  if (!isVoter(membership(raft), id)) return "this member is not in the membership";
  if (!raft.isFit) return "this member is not fit to lead, waits to hear a leader";
  if (priority === 0) return "priority 0: never campaigns, waits to hear a leader";
  return `no leader heard; pre-vote in ${raft.timer.ticksLeft} ticks`;
}
