// What only a leader keeps: the next slot to propose in, what phase 1 obliges it to propose first, how
// far every acceptor is, and reads that wait for a round. Gone the moment it is no longer leader.

import { assert } from "../assert.ts";
import type { Index, MemberId, Proposal } from "../contract.ts";
import { membersOf } from "../membership/membership.ts";
import { Progress } from "../progress/progress.ts";
import { createRounds, type Rounds } from "../reads/rounds.ts";
import { forgetStrangers, type Preparation } from "./preparation.ts";
import { Ranges } from "./ranges.ts";
import { membership, type Paxos } from "./self.ts";

/** What the leader knows of one acceptor or learner. */
export class Peer extends Progress {
  /** Slots that it holds under the leader's ballot beyond the first that it lacks. */
  readonly beyond = new Ranges();
  /** What it said to know to be chosen, and to remember. */
  commitIndex: Index = 0;
  /** A heartbeat's round, and how far it was fed before that left: to tell what was lost. */
  lossRound = 0;
  lossNext: Index = 0;
  lossMatch: Index = 0;
  /** A whole snapshot has arrived there: for so many heartbeats it may be busy putting it in place. */
  installHeartbeats = 0;

  /** Feeds it from where it said to be. */
  feed(): void {
    this.becomeReplicate();
    this.lossRound = 0;
    this.installHeartbeats = 0;
  }
}

export interface Leadership extends Rounds {
  /** Everyone but this member, sorted: the order of messages never depends on a Map. */
  peers: Peer[];
  /** Every slot before it has a value of this ballot, or is known to be chosen. */
  nextSlot: Index;
  /** The same as the proposer's: it goes on while voters come that have not promised. */
  readonly preparation: Preparation;
  /** Phase 1 is done with a quorum of the membership in force. Set by `goOnLeading` alone. */
  isPrepared: boolean;
  /** A membership that was proposed and is not chosen: what governs the slots after it is open. */
  barrier: Index | undefined;
  /** Proposals that wait until the slots after a membership are open. */
  waiting: Proposal[];
  uncommittedBytes: number;
  /** Where the last membership stands that was told as settled in this lead. */
  membershipSettled: Index;
  heartbeatElapsed: number;
  heartbeatDue: boolean;
  quorumElapsed: number;
  /** Who answered in the interval before this one. */
  activeBefore: ReadonlySet<MemberId>;
  /** The last slot proposed at the last check of the quorum, and at the one before it. */
  lastSlotAtCheck: Index;
  lastSlotAtCheckBefore: Index;
  /** Others were allowed to promise in spite of the lease. */
  leaseVoid: boolean;
  checksUntilHandover: number;
  /** A leader that is no voter any more waits so many checks for others to know. */
  checksUntilAside: number;
}

export function createLeadership(paxos: Paxos, preparation: Preparation): Leadership {
  const recoveredUpTo = Math.max(paxos.commitIndex, preparation.foundUpTo);
  return {
    peers: [],
    nextSlot: paxos.commitIndex + 1,
    preparation,
    isPrepared: false,
    barrier: undefined,
    waiting: [],
    uncommittedBytes: 0,
    membershipSettled: 0,
    heartbeatElapsed: 0,
    heartbeatDue: true,
    quorumElapsed: 0,
    activeBefore: new Set(),
    lastSlotAtCheck: recoveredUpTo,
    lastSlotAtCheckBefore: recoveredUpTo,
    ...createRounds(),
    leaseVoid: false,
    checksUntilHandover: 1,
    checksUntilAside: 2,
  };
}

export function leadershipOf(paxos: Paxos): Leadership {
  assert(paxos.leadership !== undefined, "only a leader does this");
  return paxos.leadership;
}

export function peerOf(leadership: Leadership, member: MemberId): Peer | undefined {
  for (const peer of leadership.peers) if (peer.id === member) return peer;
  return undefined;
}

/** The last slot that has a value of this leader's, or a chosen one. */
export function lastSlot(leadership: Leadership): Index {
  return leadership.nextSlot - 1;
}

/** Everything that can have been chosen by an earlier ballot is known to be. */
export function isRecovered(paxos: Paxos, leadership: Leadership): boolean {
  return leadership.isPrepared && paxos.commitIndex >= leadership.preparation.foundUpTo;
}

/** Whoever is in the membership is fed, and nobody else. */
export function alignPeers(paxos: Paxos, leadership: Leadership): void {
  const { id, limits } = paxos.settings;
  leadership.peers = membersOf(membership(paxos))
    .filter((member) => member !== id)
    .map(
      (member) =>
        peerOf(leadership, member) ??
        new Peer(member, paxos.commitIndex + 1, limits.messagesInFlightMax),
    );
  forgetStrangers(leadership.preparation, [id, ...leadership.peers.map((peer) => peer.id)]);
  // A lease was granted by a quorum of the membership before; it is earned again.
  leadership.leaseFromMs = Number.NEGATIVE_INFINITY;
}
