// What only a leader keeps, prospective or established: how far each follower's session has come, the
// rounds that confirm that it still leads, and reads that wait for them. Gone when it leads no more.

import { assert } from "../assert.ts";
import type { Epoch, Index, MemberId } from "../contract.ts";
import { membersOf } from "../membership/membership.ts";
import { Progress } from "../progress/progress.ts";
import { createRounds, type Rounds } from "../reads/rounds.ts";
import type { MessageOf } from "./messages.ts";
import { membership, type Zab } from "./self.ts";

export interface Peer {
  readonly id: MemberId;
  /** Of the session; 0 before there is one. */
  session: number;
  /** Connected, FOLLOWERINFO came, ACKEPOCH came, it is being fed, or it waits for a snapshot. */
  stage: "absent" | "known" | "acknowledged" | "fed" | "snapshot";
  /** Its acceptance of this leader's epoch counts, in this session or an earlier one. */
  acceptedEpoch: boolean;
  summary: MessageOf<"ackEpoch"> | undefined;
  /** The last sequence sent in this session. */
  sequence: number;
  /** NEWLEADER goes out once the history up to here was sent. */
  historyEnd: Index;
  newLeaderSent: boolean;
  /** It took over the history and the epoch, durably: only now do its acknowledgements count. */
  isSynchronized: boolean;
  upToDateSent: boolean;
  /** The stream of its snapshot broke: again, once it is heard. */
  snapshotDue: boolean;
  progress: Progress;
}

export interface Leadership extends Rounds {
  phase: "discovery" | "synchronization" | "broadcast";
  /** 0 until a quorum has said what it accepted before. */
  epoch: Epoch;
  /** Everyone but this member, sorted: the order of messages never depends on a Map. */
  peers: Peer[];
  /** The end of the history that this leader began with. */
  initialIndex: Index;
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
  checksUntilHandover: number;
}

export function createLeadership(lastIndex: Index): Leadership {
  return {
    phase: "discovery",
    epoch: 0,
    peers: [],
    initialIndex: lastIndex,
    uncommittedBytes: 0,
    membershipSettled: 0,
    heartbeatElapsed: 0,
    heartbeatDue: true,
    quorumElapsed: 0,
    activeBefore: new Set(),
    lastIndexAtCheck: lastIndex,
    lastIndexAtCheckBefore: lastIndex,
    ...createRounds(),
    checksUntilHandover: 1,
  };
}

export function leadershipOf(zab: Zab): Leadership {
  assert(zab.leadership !== undefined, "only a leader does this");
  return zab.leadership;
}

export function peerOf(leadership: Leadership, member: MemberId): Peer | undefined {
  for (const peer of leadership.peers) if (peer.id === member) return peer;
  return undefined;
}

/** The peer, when the message is of its present session and of this leader's epoch. */
export function peerInSession(
  leadership: Leadership,
  member: MemberId,
  message: { readonly session: number; readonly epoch: Epoch },
): Peer | undefined {
  const peer = peerOf(leadership, member);
  if (peer === undefined || peer.stage === "absent" || peer.session !== message.session) {
    return undefined;
  }
  return message.epoch === leadership.epoch ? peer : undefined;
}

/**
 * How far a member's durable log counts. Before it took over the epoch it counts for nothing: in the
 * next election its history would give way to one that did (§IV, currentEpoch before zxid).
 */
export function matchOf(zab: Zab, leadership: Leadership, member: MemberId): Index {
  if (member === zab.settings.id) {
    return zab.durableCurrentEpoch === leadership.epoch ? zab.durableIndex : 0;
  }
  const peer = peerOf(leadership, member);
  return peer?.isSynchronized === true ? peer.progress.match : 0;
}

/**
 * Whoever is in the membership is fed, and nobody else. Members that join a leader at work count as
 * active until they had the time to answer, or a check of the quorum could depose it at once.
 */
export function alignPeers(zab: Zab, leadership: Leadership, joinAtWork: boolean): void {
  const create = (member: MemberId): Peer => {
    const peer = createPeer(zab, member);
    peer.progress.recentlyActive = joinAtWork;
    return peer;
  };
  leadership.peers = membersOf(membership(zab))
    .filter((member) => member !== zab.settings.id)
    .map((member) => peerOf(leadership, member) ?? create(member));
  // Who joins is told at once whom to follow.
  leadership.heartbeatDue = true;
  // A lease was promised by a quorum of the membership before; it is earned again.
  leadership.leaseFromMs = Number.NEGATIVE_INFINITY;
}

/** A new session: all that the one before had come to is asked again. */
export function beginSession(zab: Zab, peer: Peer, session: number): void {
  const { acceptedEpoch, progress } = peer;
  Object.assign(peer, createPeer(zab, peer.id), { session, acceptedEpoch, stage: "known" });
  peer.progress.recentlyActive = progress.recentlyActive;
  peer.progress.priority = progress.priority;
}

/** Nothing was heard for too long. */
export function forgetSession(zab: Zab, peer: Peer): void {
  const { session } = peer;
  beginSession(zab, peer, session);
  peer.stage = "absent";
}

function createPeer(zab: Zab, id: MemberId): Peer {
  return {
    id,
    session: 0,
    stage: "absent",
    acceptedEpoch: false,
    summary: undefined,
    sequence: 0,
    historyEnd: 0,
    newLeaderSent: false,
    isSynchronized: false,
    upToDateSent: false,
    snapshotDue: false,
    progress: new Progress(id, zab.log.lastIndex + 1, zab.settings.limits.messagesInFlightMax),
  };
}
