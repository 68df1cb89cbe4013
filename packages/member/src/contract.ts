// One member of a cluster, as the doors and the process around it see it: propose a command, wait
// for a linearizable read point, look at the state. Hot calls take callbacks, because a promise per
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
import type { MemberError, ProposeOutcome } from "./outcome.ts";
import type { PeerEvents, Ports } from "./ports.ts";
import type { MemberRecord } from "./roster/records.ts";
import type { KeptRoster } from "./roster/roster.ts";
import type { StateMachine } from "./state-machine.ts";
import type { Steward, StewardHost } from "./steward.ts";

export * from "./outcome.ts";

export interface MemberOptions<
  Result = unknown,
  Machine extends StateMachine<Result> = StateMachine<Result>,
> {
  readonly id: MemberId;
  readonly protocol: Protocol;
  readonly ports: Ports;
  readonly stateMachine: Machine;
  /** Whether a command of such a result took too little time to look at the clock for; else it is looked at. */
  readonly isShort?: (result: Result) => boolean;
  /** Where the state machine keeps the roster among its own; else the member does. */
  readonly keptRoster?: KeptRoster;
  /** Called once, while the member is made. */
  readonly steward?: (host: StewardHost<Result>) => Steward;
  /** Membership of a new cluster. Ignored when the log or the state already knows one. */
  readonly bootstrap: Membership;
  /** Identity of this data directory (see `MemberRecord`). */
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

/** Since this member was started. */
export interface ReadCounts {
  /** Questions to the leader that had to be asked again. */
  readonly slow: number;
  readonly failed: number;
}

export interface MemberStatus extends CoreStatus {
  readonly state: "running" | "failed" | "corrupt" | "stopped";
  readonly logBytes: number;
  /** Of the last log write that is still under way; 0 when none is. */
  readonly diskStalledMs: number;
  readonly proposalsPending: number;
  readonly reads: ReadCounts;
}

export interface Member<
  Result = unknown,
  Machine extends StateMachine<Result> = StateMachine<Result>,
> extends PeerEvents {
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
  readonly stateMachine: Machine;
  /** What the members published, as applied here; sorted by id. */
  roster(): readonly MemberRecord[];
  start(): void;
  /** Hands leadership over if it can, finishes the log write under way, flushes, closes. */
  stop(done: () => void): void;
  /** On a follower it is forwarded. `command` is copied. */
  propose(command: Uint8Array, done: (outcome: ProposeOutcome<Result>) => void): void;
  /** After `done(undefined)`, reads of `stateMachine` in the same turn are linearizable. */
  read(done: (error: MemberError | undefined) => void): void;
  changeMembership(
    changes: readonly MembershipChange[],
    context: Uint8Array,
    done: (error: MemberError | undefined) => void,
  ): void;
  /** On any member: the leader checks it against what is applied and carries it out. */
  reconfigure(request: Reconfiguration, done: (error: MemberError | undefined) => void): void;
  transferLeadership(to: MemberId, done: (error: MemberError | undefined) => void): void;
  status(): MemberStatus;
  /** Called once per turn in which entries were applied, after their proposers were answered. */
  onApplied(listener: (appliedIndex: number) => void): () => void;
  /** The live core, for the simulator's checkers and the lab. */
  readonly core: Core<unknown, unknown>;
}
