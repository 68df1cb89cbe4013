// One member of a cluster, as the doors and the process around it see it: propose a command, wait
// for a linearizable read point, look at the store. Hot calls take callbacks, because a promise per
// request is measurable; nothing here throws for an operating error.

import type {
  Core,
  CoreLimits,
  CoreStatus,
  MemberId,
  Membership,
  MembershipChange,
  Protocol,
} from "@althing/consensus";
import type { LeaseEnd, LeaseReads, Result, Store } from "@althing/store";
import type { PeerEvents, Ports } from "./ports.ts";

export type MemberErrorCode =
  /** There is no leader to serve the request now. */
  | "noLeader"
  /** No answer within the request timeout. */
  | "timedOut"
  /** The leader changed while the request was under way. */
  | "leaderChanged"
  /** A queue is full; nothing was done. */
  | "overloaded"
  /** The request is larger than `requestBytesMax`; nothing was done. */
  | "tooLarge"
  | "notLeader"
  | "membershipChangeInProgress"
  | "membershipChangeInvalid"
  | "learnerNotCaughtUp"
  | "transfereeInvalid"
  /** A reconfiguration that names a member that does not exist. */
  | "memberUnknown"
  | "memberExists"
  | "peerUrlTaken"
  | "tooManyLearners"
  | "notALearner"
  /** The change would need votes of members that have never started. */
  | "notEnoughStarted"
  /** The change would need votes of members that are down now. */
  | "unhealthy"
  /** This member's state differs from the others': it serves nothing until it is rebuilt. */
  | "corrupt"
  /** Its disk or log failed; it must be restarted or replaced. */
  | "failed"
  | "stopped";

export class MemberError extends Error {
  readonly code: MemberErrorCode;
  /** "unknown": the command may or may not take effect. Never reported as failure or success. */
  readonly outcome: "notExecuted" | "unknown";
  constructor(
    code: MemberErrorCode,
    outcome: "notExecuted" | "unknown",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "MemberError";
    this.code = code;
    this.outcome = outcome;
  }
}

export interface MemberOptions {
  readonly id: MemberId;
  readonly protocol: Protocol;
  readonly ports: Ports;
  /** Without `LeaseReads` no lease is timed. */
  readonly store: Store & Partial<LeaseReads>;
  /** Membership of a new cluster. Ignored when the log or the store already knows one. */
  readonly bootstrap: Membership;
  /** Identity of this data directory (see `PublishMemberCommand`). */
  readonly incarnation: string;
  /** What this same directory was published as before it got its identity of today. */
  readonly formerIncarnation?: string;
  /** Name and addresses that the member publishes once there is a leader. */
  readonly attributes: {
    readonly name: string;
    readonly peerUrls: readonly string[];
    readonly clientUrls: readonly string[];
  };
  readonly tickMs: number;
  readonly heartbeatTicks: number;
  readonly electionTicks: number;
  readonly priority?: number;
  readonly reads?: "quorum" | "lease";
  readonly clockDriftMax?: number;
  /** Paxos only: see the core's options. */
  readonly paxosQuorums?: { readonly prepare: number; readonly accept: number };
  /** Applied entries after which the log is compacted. */
  readonly snapshotCount: number;
  /** Entries kept behind the compaction point for followers that lag a little. */
  readonly catchUpEntries?: number;
  readonly requestTimeoutMs?: number;
  readonly requestBytesMax?: number;
  /** Proposals in flight from this member; beyond it "overloaded". */
  readonly proposalsInFlightMax?: number;
  /** A piece of applying that takes longer is told as `apply.slow`; 100 ms if not given. */
  readonly slowApplyMs?: number;
  /** What is left of leases longer than this is written into the log so often; 0: never. */
  readonly leaseCheckpointMs?: number;
  readonly segmentBytes?: number;
  readonly crc32?: (bytes: Uint8Array, seed?: number) => number;
  readonly coreLimits?: Partial<CoreLimits>;
}

/**
 * A change of the membership as an operator asks for it. Asked again with the same id it is done
 * once, so that a member may repeat it when an answer was lost.
 */
export type Reconfiguration =
  | {
      readonly kind: "add";
      readonly member: MemberId;
      readonly peerUrls: readonly string[];
      /** A voter follows as a learner too, until it has caught up: it never endangers the quorum. */
      readonly as: "voter" | "learner";
      /** Refuse what the quorum might not survive. */
      readonly strict: boolean;
    }
  | { readonly kind: "remove"; readonly member: MemberId; readonly strict: boolean }
  | { readonly kind: "promote"; readonly member: MemberId };

export type ProposeOutcome =
  | { readonly kind: "applied"; readonly result: Result; readonly index: number }
  | { readonly kind: "failed"; readonly error: MemberError };

/** Since this member was started. */
export interface ReadCounts {
  /** Questions to the leader that had to be asked again. */
  readonly slow: number;
  readonly failed: number;
}

/** Since this member was started: granted and revoked as applied here, the others as the leader. */
export interface LeaseCounts {
  readonly granted: number;
  readonly revoked: number;
  readonly renewed: number;
  readonly expired: number;
}

export interface MemberStatus extends CoreStatus {
  readonly state: "running" | "failed" | "corrupt" | "stopped";
  readonly logBytes: number;
  /** Of the last log write that is still under way; 0 when none is. */
  readonly diskStalledMs: number;
  readonly proposalsPending: number;
  readonly reads: ReadCounts;
  readonly leases: LeaseCounts;
}

export interface Member extends PeerEvents {
  readonly id: MemberId;
  /** The identity that a peer is held to; undefined: this member has never met its disk. */
  identityOf(peer: MemberId): string | undefined;
  /** As far as is applied here, this member is one of the cluster's. */
  belongs(): boolean;
  /** The newest index applied here, at which that is no member; undefined: it is one there. */
  knownWithout(peer: MemberId): number | undefined;
  /** An index of the log at which the peer is a member; of one that is being added, an earlier one. */
  memberAsOf(peer: MemberId): number;
  /** By this member's log: what was a member at that index is none any more. */
  hasLeftSince(peer: MemberId, index: number): boolean;
  readonly store: Store;
  start(): void;
  /** Hands leadership over if it can, finishes the log write under way, flushes, closes. */
  stop(done: () => void): void;
  /** `command` as `encodeCommand` of the store made it. On a follower it is forwarded. */
  propose(command: Uint8Array, done: (outcome: ProposeOutcome) => void): void;
  /** After `done(undefined)`, reads of `store` in the same turn are linearizable. */
  read(done: (error: MemberError | undefined) => void): void;
  changeMembership(
    changes: readonly MembershipChange[],
    context: Uint8Array,
    done: (error: MemberError | undefined) => void,
  ): void;
  /** On any member: the leader checks it against what is applied and carries it out. */
  reconfigure(request: Reconfiguration, done: (error: MemberError | undefined) => void): void;
  /**
   * Asks the leader for what is left of a lease; `renew` starts its TTL anew before. Milliseconds, or
   * undefined when there is no such lease (any more).
   */
  askLease(
    lease: bigint,
    renew: boolean,
    done: (error: MemberError | undefined, leftMs: number | undefined) => void,
  ): void;
  /** In no order; when they end as far as this member knows: the leader knows best. */
  leaseEnds(): readonly LeaseEnd[];
  transferLeadership(to: MemberId, done: (error: MemberError | undefined) => void): void;
  status(): MemberStatus;
  /** Called once per turn in which entries were applied, after their proposers were answered. */
  onApplied(listener: (appliedIndex: number) => void): () => void;
  /** The live core, for the simulator's checkers and the lab. */
  readonly core: Core<unknown, unknown>;
}
