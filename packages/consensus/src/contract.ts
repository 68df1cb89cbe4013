// The contract every protocol fulfils: a synchronous object, inputs in, effects out. It has no
// clock, no promise, no randomness of its own and no I/O. One member runtime drives any protocol
// through this file, in production and in the simulator; only the protocol object differs.

/** Opaque, ordered by code units. Production uses 16 lowercase hex digits. Never empty. */
export type MemberId = string;
/** Position in the replicated log: Raft index, Paxos slot, Zab zxid counter. The first entry is 1. */
export type Index = number;
/** Raft term, Paxos ballot round, Zab epoch. */
export type Epoch = number;
/** Chosen by the caller, echoed by the core; unique among the caller's requests in flight. */
export type Token = number;

export type EntryKind = "noop" | "command" | "membership";

export interface Entry {
  readonly index: Index;
  readonly epoch: Epoch;
  /** Paxos: the member whose ballot this is (a ballot is (epoch, proposer)). "" in Raft and Zab. */
  readonly proposer: MemberId;
  readonly kind: EntryKind;
  /** Opaque to the core, except for `membership` (see `membership/`). */
  readonly payload: Uint8Array;
}

/** Lists are sorted and without duplicates. `votersOutgoing` is non-empty only while joint. */
export interface Membership {
  readonly voters: readonly MemberId[];
  /** Joint consensus: the old configuration, whose majority is needed as well. */
  readonly votersOutgoing: readonly MemberId[];
  /** They receive the log (Zab: observers) and never vote. */
  readonly learners: readonly MemberId[];
  /** Voters of the old configuration that become learners when the joint phase ends. */
  readonly learnersNext: readonly MemberId[];
}

export type MembershipChange =
  | { readonly kind: "addVoter"; readonly member: MemberId }
  | { readonly kind: "addLearner"; readonly member: MemberId }
  | { readonly kind: "promote"; readonly member: MemberId }
  | { readonly kind: "remove"; readonly member: MemberId };

/** A point of the log with the membership in force there: the base of a log, a snapshot's place. */
export interface LogPoint {
  readonly index: Index;
  readonly epoch: Epoch;
  readonly proposer: MemberId;
  readonly membership: Membership;
}

/** What a core is given after a start or a crash. Everything in it is durable. */
export interface Restored<State> {
  /** Term and vote, promised ballot, accepted epoch: as the last `persist` effect wrote it. */
  readonly state: State | undefined;
  /** Everything up to `base.index` is compacted. On a new cluster: index 0, epoch 0, voters. */
  readonly base: LogPoint;
  /** Entries after `base`, ascending by index. Contiguous, but for Paxos, which may have gaps. */
  readonly entries: readonly Entry[];
  /** The store's durable applied index, >= base.index. Entries up to it are never applied again. */
  readonly applied: Index;
}

export interface CoreOptions {
  readonly id: MemberId;
  /** Ticks of the leader between heartbeats. */
  readonly heartbeatTicks: number;
  /** Base election timeout; each wait is drawn from [electionTicks, 2 * electionTicks). */
  readonly electionTicks: number;
  /** Wall length of one tick, used only to bound leases: `electionTicks * tickMs` is the timeout. */
  readonly tickMs: number;
  /** Uniform in [0, 1). The only source of chance. */
  readonly random: () => number;
  /** A higher one is preferred as leader; 0 never campaigns by itself. Default 1. */
  readonly priority?: number;
  /**
   * "quorum" confirms leadership with a round of messages for each batch of reads. "lease" answers
   * from a lease on the monotonic clock; it must be equal on all members, because it forbids voters
   * to shorten their wait on a hang-up hint.
   */
  readonly reads?: "quorum" | "lease";
  /** Lease reads: the most that two members' clocks may drift apart, as a fraction. Default 0.1. */
  readonly clockDriftMax?: number;
  readonly limits?: Partial<CoreLimits>;
  /**
   * Paxos: acceptors needed for phase 1 and for phase 2, instead of a majority each. Any two such
   * quorums must meet (prepare + accept > voters). Equal on all members, for the life of a cluster.
   */
  readonly paxosQuorums?: { readonly prepare: number; readonly accept: number };
}

export interface CoreLimits {
  /** Payload bytes in one append message (one larger entry may travel alone). */
  readonly messageBytesMax: number;
  /** Append messages in flight to one follower. */
  readonly messagesInFlightMax: number;
  /** Payload bytes of entries not yet committed; beyond it proposals are rejected "overloaded". */
  readonly uncommittedBytesMax: number;
}

export interface Proposal {
  readonly token: Token;
  readonly payload: Uint8Array;
}

export type Input<Message> =
  /** One tick of time has passed. Never more of them than elapsed time allows. */
  | { readonly kind: "tick" }
  | { readonly kind: "receive"; readonly from: MemberId; readonly message: Message }
  | { readonly kind: "propose"; readonly proposals: readonly Proposal[] }
  /** Asks for an index at or after which a local read is linearizable. */
  | { readonly kind: "read"; readonly token: Token }
  /** Every `persist` effect up to this sequence is durable. */
  | { readonly kind: "persisted"; readonly sequence: number }
  /** The store has applied everything up to this index. */
  | { readonly kind: "applied"; readonly index: Index }
  | {
      readonly kind: "changeMembership";
      readonly changes: readonly MembershipChange[];
      /** Opaque bytes that travel in the entry (addresses, names). */
      readonly context: Uint8Array;
      readonly token: Token;
    }
  | { readonly kind: "transferLeadership"; readonly to: MemberId; readonly token: Token }
  /** The runtime may drop the log up to here; the core forgets those entries. */
  | { readonly kind: "compact"; readonly index: Index }
  /** The transport lost (or regained) its connection to a peer: a hint that only moves timers. */
  | { readonly kind: "disconnected"; readonly peer: MemberId }
  | { readonly kind: "connected"; readonly peer: MemberId }
  /** The peer did not take a message (queue full, no connection). */
  | { readonly kind: "unreachable"; readonly peer: MemberId }
  /**
   * The stream asked for by `sendSnapshot` ended, in whatever way; `index` is the point it carried. No
   * other is asked for before.
   */
  | {
      readonly kind: "snapshotSent";
      readonly to: MemberId;
      readonly ok: boolean;
      readonly index: Index;
    }
  /** Follower: a whole, verified snapshot of the leader of `epoch` is staged on disk. */
  | {
      readonly kind: "snapshotReceived";
      readonly from: MemberId;
      readonly epoch: Epoch;
      readonly point: LogPoint;
    }
  /** The staged snapshot asked for by `installSnapshot` is the store, and the log begins after it, on disk. */
  | { readonly kind: "snapshotInstalled"; readonly point: LogPoint }
  /** Start an election now (tests, operators). */
  | { readonly kind: "campaign" }
  /** Give up leadership, or the attempt to win it. */
  | { readonly kind: "stepDown" }
  /**
   * Whether this member may lead (sick disk, shutdown, a state that differs from the others'). While
   * it may not it gives up leadership as by `stepDown`, campaigns no more and accepts no leadership
   * that is handed to it; it goes on following and voting. A member may lead until it hears otherwise.
   */
  | { readonly kind: "fitness"; readonly isFit: boolean };

export type Role = "leader" | "candidate" | "follower" | "learner";

export type RejectReason =
  | "notLeader"
  | "leadershipTransferInProgress"
  | "membershipChangeInProgress"
  | "membershipChangeInvalid"
  | "learnerNotCaughtUp"
  | "transfereeInvalid"
  | "overloaded"
  /** The request was in flight when leadership was lost; for a proposal the outcome is unknown. */
  | "leadershipLost"
  | "timedOut";

export interface Outgoing<Message> {
  readonly to: MemberId;
  readonly message: Message;
}

export type Effect<Message, State> =
  /**
   * Make durable, in this order: truncate, then entries, then state (all in one atomic write if the
   * log can; a crash in between may leave a prefix). Only then perform `thenSend`, and step
   * `persisted`. Sequences rise by one.
   */
  | {
      readonly kind: "persist";
      readonly sequence: number;
      readonly state?: State;
      /** Drop every entry at or after this index, before `entries` are written. */
      readonly truncateFrom?: Index;
      /** An entry replaces what stands at its own index only. */
      readonly entries: readonly Entry[];
      readonly thenSend: readonly Outgoing<Message>[];
    }
  /** May leave at once, in parallel with the disk. */
  | { readonly kind: "send"; readonly to: MemberId; readonly message: Message }
  /** Committed, in order, gapless, each index once, and durable on this member. */
  | { readonly kind: "apply"; readonly entries: readonly Entry[] }
  /** A local read is linearizable once `index` is applied. */
  | { readonly kind: "readReady"; readonly token: Token; readonly index: Index }
  /** The proposal (or membership change) stands in this leader's log; it may still be lost. */
  | {
      readonly kind: "accepted";
      readonly token: Token;
      readonly index: Index;
      readonly epoch: Epoch;
    }
  | {
      readonly kind: "rejected";
      readonly token: Token;
      readonly reason: RejectReason;
      readonly leaderHint: MemberId | undefined;
    }
  /** A leadership transfer ended well. */
  | { readonly kind: "transferred"; readonly token: Token }
  /** Stream the newest snapshot to this peer, whose log has fallen behind what is kept. */
  | { readonly kind: "sendSnapshot"; readonly to: MemberId; readonly epoch: Epoch }
  /**
   * Once all writes and applications asked for before are done, put the staged snapshot in place, reset
   * the log to `point`, then step `snapshotInstalled`. Until then the core is what its disk is: see
   * `installing/`.
   */
  | { readonly kind: "installSnapshot"; readonly from: MemberId; readonly point: LogPoint }
  | {
      readonly kind: "roleChanged";
      readonly role: Role;
      readonly epoch: Epoch;
      readonly leader: MemberId | undefined;
    }
  /** The membership in force changed (appended or rolled back), for the transport and operators. */
  | { readonly kind: "membershipChanged"; readonly membership: Membership }
  /**
   * Leader: the membership at `index` is not joint, and survives the loss of any minority of its
   * voters together with everybody that it left out. Told once in each lead, and never of the one that
   * founded the cluster.
   */
  | { readonly kind: "membershipSettled"; readonly index: Index };

/** What a peer looks like from the leader. */
export interface PeerProgress {
  readonly id: MemberId;
  readonly match: Index;
  readonly next: Index;
  readonly state: "probe" | "replicate" | "snapshot";
  readonly recentlyActive: boolean;
}

/** The part of a core's state that is the same for all protocols. A copy; safe to keep. */
export interface CoreStatus {
  readonly id: MemberId;
  readonly role: Role;
  readonly epoch: Epoch;
  readonly leader: MemberId | undefined;
  readonly firstIndex: Index;
  readonly lastIndex: Index;
  readonly commitIndex: Index;
  readonly appliedIndex: Index;
  readonly membership: Membership;
  /** Where it stands in the log; the base, if it was in force there. */
  readonly membershipIndex: Index;
  /** Leader only; empty elsewhere. */
  readonly peers: readonly PeerProgress[];
  /** Why there is no leader, in the protocol's own words, for people. "" when there is one. */
  readonly leaderless: string;
}

export interface Core<Message, State> {
  /** Takes one input. `nowMs` is the member's monotonic clock; it bounds leases, nothing else. */
  step(input: Input<Message>, nowMs: number): void;
  /** Everything to be done since the last call, in order, at most one `persist`. Then forgets it. */
  effects(): Effect<Message, State>[];
  status(): CoreStatus;
  /** The entry kept in memory at an index, committed or not. */
  entryAt(index: Index): Entry | undefined;
  /** A plain, frozen copy of the whole state, for invariants, traces and the lab. */
  inspect(): object;
}

/** A broken promise of the protocol: the checkers' verdict, never an operating error. */
export interface Violation {
  readonly property: string;
  readonly detail: string;
}

/** A protocol as the runtime sees it. `raft`, `paxos` and `zab` are values of this type. */
export interface Protocol<Message = unknown, State = unknown> {
  readonly name: "raft" | "paxos" | "zab";
  create(options: CoreOptions, restored: Restored<State>): Core<Message, State>;
  encodeMessage(message: Message): Uint8Array;
  /** Throws `MalformedBytes`; whatever it returns is well formed. May slice `bytes`. */
  decodeMessage(bytes: Uint8Array): Message;
  encodeState(state: State): Uint8Array;
  decodeState(bytes: Uint8Array): State;
  /** One line for logs, traces and test scripts. */
  describeMessage(message: Message): string;
  /** Both take what `inspect()` returned. */
  checkInvariants(state: object): Violation[];
  checkDelta(previous: object, next: object): Violation[];
}
