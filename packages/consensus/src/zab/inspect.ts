// Copies of the state for those who look at a member from outside: people (status), and checkers,
// traces and the lab (inspection). Nothing in them changes later.

import type { CoreStatus, Entry, Epoch, Index, MemberId, PeerProgress } from "../contract.ts";
import { describeQuorum } from "../quorum/quorum.ts";
import type { Following } from "./following.ts";
import type { Leadership } from "./leadership.ts";
import { leaseUntilMs } from "./lease.ts";
import {
  leaderOf,
  type MembershipAt,
  membership,
  membershipIndex,
  type Zab,
  type ZabRole,
} from "./self.ts";
import { publicRole } from "./turn.ts";
import { hearsLately, isCutOff, isSameVote } from "./vote.ts";

export interface ZabInspection {
  readonly id: MemberId;
  readonly role: ZabRole;
  readonly phase: Following["phase"] | "election";
  readonly acceptedEpoch: Epoch;
  readonly currentEpoch: Epoch;
  readonly durableAcceptedEpoch: Epoch;
  readonly durableCurrentEpoch: Epoch;
  readonly round: number;
  /** Of whom this member follows or leads; undefined while it looks. */
  readonly leader: MemberId | undefined;
  /** The epoch of the session or the leadership; 0 before it is known. */
  readonly epoch: Epoch;
  readonly baseIndex: Index;
  readonly baseEpoch: Epoch;
  readonly entries: readonly Entry[];
  readonly memberships: readonly MembershipAt[];
  readonly commitIndex: Index;
  readonly durableIndex: Index;
  readonly applySentIndex: Index;
  readonly appliedIndex: Index;
  /** The point of the snapshot that is being installed. */
  readonly installingAt: Index | undefined;
  readonly peers: readonly (PeerProgress & { readonly isSynchronized: boolean })[];
  /** Leader only: where the history ends that it began with. */
  readonly initialIndex: Index | undefined;
  readonly uncommittedBytes: number;
  /** Leader only: until then, by its own clock, it answers reads from its lease. */
  readonly leaseUntilMs: number;
}

export function inspect(zab: Zab): ZabInspection {
  const { leadership, following, settings } = zab;
  const party: Leadership | Following | undefined = leadership ?? following;
  const peers = leadership?.peers ?? [];
  return Object.freeze({
    id: settings.id,
    role: zab.role,
    phase: party?.phase ?? "election",
    acceptedEpoch: zab.acceptedEpoch,
    currentEpoch: zab.currentEpoch,
    durableAcceptedEpoch: zab.durableAcceptedEpoch,
    durableCurrentEpoch: zab.durableCurrentEpoch,
    round: zab.round,
    leader: leadership === undefined ? following?.leader : settings.id,
    epoch: party?.epoch ?? 0,
    baseIndex: zab.log.baseIndex,
    baseEpoch: zab.log.baseEpoch,
    entries: Object.freeze(zab.log.toArray()),
    memberships: Object.freeze(zab.memberships.slice()),
    commitIndex: zab.commitIndex,
    durableIndex: zab.durableIndex,
    applySentIndex: zab.applySentIndex,
    appliedIndex: zab.appliedIndex,
    installingAt: zab.installing?.point.index,
    peers: Object.freeze(
      peers.map(({ progress, isSynchronized }) => ({ ...progress.report(), isSynchronized })),
    ),
    initialIndex: leadership?.initialIndex,
    uncommittedBytes: leadership?.uncommittedBytes ?? 0,
    leaseUntilMs:
      leadership === undefined ? Number.NEGATIVE_INFINITY : leaseUntilMs(zab, leadership),
  });
}

export function status(zab: Zab): CoreStatus {
  const leader = leaderOf(zab);
  return {
    id: zab.settings.id,
    role: publicRole(zab),
    epoch: zab.acceptedEpoch,
    leader,
    firstIndex: zab.log.baseIndex + 1,
    lastIndex: zab.log.lastIndex,
    commitIndex: zab.commitIndex,
    appliedIndex: zab.appliedIndex,
    membership: membership(zab),
    membershipIndex: membershipIndex(zab),
    peers: leader === zab.settings.id ? zab.leadership!.peers.map((p) => p.progress.report()) : [],
    leaderless: leader === undefined ? whyLeaderless(zab) : "",
  };
}

function whyLeaderless(zab: Zab): string {
  const { looking, leadership, following, settings } = zab;
  if (following !== undefined) return `${following.phase}: follows ${following.leader}`;
  if (leadership !== undefined) {
    const has = (member: MemberId) =>
      member === settings.id ||
      leadership.peers.some(({ id, stage }) => id === member && stage !== "absent");
    return `${leadership.phase} of epoch ${leadership.epoch}: followed by ${describeQuorum(membership(zab), has)}`;
  }
  const vote = looking?.vote;
  if (vote === undefined && looking !== undefined && isCutOff(zab, looking)) {
    return `election: hears ${describeQuorum(membership(zab), hearsLately(zab, looking))}`;
  }
  if (vote === undefined) return "election: has nobody to vote for";
  const agrees = (member: MemberId) => isSameVote(looking?.votes.get(member), vote);
  return `election: for ${vote.leader} are ${describeQuorum(membership(zab), agrees)}`;
}
