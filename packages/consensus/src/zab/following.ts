// What only a follower keeps: the session with its leader and how far the phases of the protocol have
// come in it. A session is one FIFO channel: whatever is lost in it ends it, and the next one begins
// with discovery again.

import type { Epoch, MemberId } from "../contract.ts";
import { send } from "../outbox/outbox.ts";
import type { Zab } from "./self.ts";

export interface Following {
  readonly leader: MemberId;
  session: number;
  phase: "discovery" | "synchronization" | "broadcast";
  /** The leader's, once its LEADERINFO was accepted; 0 before. */
  epoch: Epoch;
  /** The acceptance of the epoch may be counted. */
  epochCounts: boolean;
  /** The leader is known to have a quorum that took over its history. */
  isEstablished: boolean;
  /** The sequence of the last message that came in order. */
  received: number;
  /** The log is a prefix of the leader's: DIFF or TRUNC was carried out. */
  hasAgreed: boolean;
  awaitsSnapshot: boolean;
  /** Entries arrived in this turn; one ACK tells of all. */
  ackDue: boolean;
  ticksSinceHeard: number;
  resendTicks: number;
}

export function createFollowing(zab: Zab, leader: MemberId): Following {
  return {
    leader,
    session: ++zab.nextSession,
    phase: "discovery",
    epoch: 0,
    epochCounts: false,
    isEstablished: false,
    received: 0,
    hasAgreed: false,
    awaitsSnapshot: false,
    ackDue: false,
    ticksSinceHeard: 0,
    resendTicks: 0,
  };
}

export function sendFollowerInfo(zab: Zab, following: Following): void {
  following.resendTicks = 0;
  const { leader, session } = following;
  send(zab, leader, { kind: "followerInfo", session, acceptedEpoch: zab.acceptedEpoch });
}

/** Something was lost, or a snapshot is in place: the same leader, a new session. */
export function restartSession(zab: Zab, following: Following): void {
  following.session = ++zab.nextSession;
  following.phase = "discovery";
  following.epoch = 0;
  following.received = 0;
  following.hasAgreed = false;
  following.awaitsSnapshot = false;
  following.ackDue = false;
  sendFollowerInfo(zab, following);
}
