// The replicated state machine as the member and the doors see it: commands in, results out, reads
// beside. `apply` is deterministic and synchronous; the store never knows which door a command came
// through, nor which protocol ordered it. Semantics: MVCC as etcd v3 defines it.
// Long because it is the whole contract, which is read in one place.

/**
 * A key as a byte string: one UTF-16 code unit (0..255) per byte. Such strings compare bytewise with
 * `<`, hash fast and serve as Map keys. Doors convert at their edge; there is no other key type.
 */
export type Key = string;
export type Revision = number;
/** Signed 64-bit in the protocols; a bigint only in codecs, a decimal string nowhere else. */
export type LeaseId = bigint;

export interface KeyValue {
  readonly key: Key;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly version: number;
  /** 0n: none. */
  readonly lease: LeaseId;
  /** May be a view of the engine's memory: copy what outlives the turn of the loop. */
  readonly value: Uint8Array;
}

// ---------------------------------------------------------------------------------- reads

export type SortOrder = "none" | "ascend" | "descend";
export type SortTarget = "key" | "version" | "create" | "mod" | "value";

export interface RangeRequest {
  readonly key: Key;
  /** "": the single key. "\0": every key >= key. Otherwise half-open [key, rangeEnd). */
  readonly rangeEnd: Key;
  /** <= 0: unlimited. */
  readonly limit: number;
  /** <= 0: the newest. */
  readonly revision: Revision;
  readonly sortOrder: SortOrder;
  readonly sortTarget: SortTarget;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  /** 0: off. Inclusive. */
  readonly minModRevision: Revision;
  readonly maxModRevision: Revision;
  readonly minCreateRevision: Revision;
  readonly maxCreateRevision: Revision;
}

export interface RangeResult {
  readonly kind: "range";
  /** The store's current revision, whatever revision was read. */
  readonly revision: Revision;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  readonly count: number;
}

/** What a range answers with beside its pairs. */
export interface SelectedRange {
  readonly count: number;
  readonly more: boolean;
  readonly pairs: number;
}

/**
 * A range, or a txn of nothing but ranges, read in short steps as of the revision at which it was
 * opened. It decides first (which way the compares go, which versions belong to each range, what they
 * weigh), then hands out the pairs, range by range.
 */
export interface ReadRun {
  readonly revision: Revision;
  /** Of the compares of a txn. */
  readonly succeeded: boolean;
  /** All of them once it is decided, in order; before that, undefined. */
  readonly ranges: readonly SelectedRange[] | undefined;
  /** About what is held for it, and what its answer is going to take once it is decided. */
  readonly heldBytes: number;
  /** Begins a step of about so much work. */
  allow(work: number): void;
  /**
   * What comes next. After "paused" the loop is let go, and a new step begun. Throws `StateReplaced`
   * when a snapshot took the place of the state meanwhile.
   */
  next(): ReadPiece;
  /** Until then nothing obsolete is removed from the store. May be called twice. */
  close(): void;
}

export type ReadPiece =
  | { readonly kind: "paused" }
  | { readonly kind: "pairs"; readonly range: number; readonly kvs: readonly KeyValue[] }
  | { readonly kind: "end" }
  | ErrorResult;

// ------------------------------------------------------------------------------- commands

export interface PutCommand {
  readonly kind: "put";
  readonly key: Key;
  readonly value: Uint8Array;
  readonly lease: LeaseId;
  readonly prevKv: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export interface DeleteRangeCommand {
  readonly kind: "deleteRange";
  readonly key: Key;
  readonly rangeEnd: Key;
  readonly prevKv: boolean;
  /** As in `TxnCommand`. */
  readonly workMax?: number;
}

export type CompareResult = "equal" | "greater" | "less" | "notEqual" | "unknown";

/** `value` is what the stored value is compared with; 0 / empty / 0n where the request left it out. */
export type Compare = {
  readonly key: Key;
  readonly rangeEnd: Key;
  readonly result: CompareResult;
} & (
  | { readonly target: "version" | "create" | "mod"; readonly value: number | bigint }
  | { readonly target: "value"; readonly value: Uint8Array }
  | { readonly target: "lease"; readonly value: LeaseId }
);

export interface RangeOp extends RangeRequest {
  readonly kind: "range";
}
export type TxnOp = RangeOp | PutCommand | DeleteRangeCommand | TxnCommand;

export interface TxnCommand {
  readonly kind: "txn";
  readonly compares: readonly Compare[];
  readonly success: readonly TxnOp[];
  readonly failure: readonly TxnOp[];
  /**
   * What it may read when it is applied, in the units of `workOf`; beyond it is `tooCostly` and leaves no
   * trace. It travels with the command, so that an old entry has the effect that it always had. Of a
   * nested txn it is the outermost one's that counts.
   */
  readonly workMax?: number;
}

export interface CompactCommand {
  readonly kind: "compact";
  readonly revision: Revision;
}

export type AlarmKind = "nospace" | "corrupt";
/** `member` is a MemberId of the consensus contract. */
export interface AlarmCommand {
  readonly kind: "alarm";
  readonly action: "activate" | "deactivate";
  readonly member: string;
  readonly alarm: AlarmKind;
}

/** A member tells the cluster its name, addresses and the identity of its disk. */
export interface PublishMemberCommand {
  readonly kind: "publishMember";
  readonly member: string;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  /**
   * Drawn when the data directory was created. A member that comes back with another one has lost
   * its votes and is refused (corpus: reformatted-node-forgets-promise).
   */
  readonly incarnation: string;
  /** Added to vote, it follows as a learner until it has caught up; then the leader promotes it. */
  readonly votesWhenReady?: true;
}

/** The membership changed: forget the published attributes of those who left. */
export interface RemoveMemberCommand {
  readonly kind: "removeMember";
  readonly member: string;
}

/** Id and TTL are the proposer's choice: id not 0, TTL at least what its election timeout asks for. */
export interface LeaseGrantCommand {
  readonly kind: "leaseGrant";
  readonly lease: LeaseId;
  readonly ttlSeconds: number;
}

/** Deletes the attached keys in one revision. Expiry is this command, proposed by the leader. */
export interface LeaseRevokeCommand {
  readonly kind: "leaseRevoke";
  readonly lease: LeaseId;
}

/**
 * What is left of leases, so that the next leader need not start again. 0: the whole TTL. A thousand
 * at a time at most: each takes some microseconds.
 */
export interface LeaseCheckpointCommand {
  readonly kind: "leaseCheckpoint";
  readonly leases: readonly { readonly lease: LeaseId; readonly remainingSeconds: number }[];
}

// ------------------------------------------------------------------------------------ auth

/** Names of users and roles are byte strings too (UTF-8 at the doors), so that they sort as etcd's. */
export type AuthName = Key;

export interface Permission {
  readonly kind: "read" | "write" | "readWrite";
  readonly key: Key;
  /** As in `RangeRequest`. */
  readonly rangeEnd: Key;
}

/** For whom a request is made. */
export interface AuthCaller {
  /** "": nobody said who asks. */
  readonly user: AuthName;
  /** Of the auth state that the door saw, or that the caller's token speaks of. */
  readonly authRevision: number;
}

export type AuthChange =
  | { readonly kind: "enable" | "disable" }
  /** The password was found right at `authRevision`: the token is made known to all members. */
  | {
      readonly kind: "authenticate";
      readonly user: AuthName;
      /** The secret part; the index of the entry completes the token. */
      readonly secret: string;
      readonly authRevision: number;
    }
  /** `password` as the door hashed it: never a clear one. */
  | {
      readonly kind: "addUser";
      readonly user: AuthName;
      readonly password: string;
      readonly hasPassword: boolean;
    }
  | { readonly kind: "changePassword"; readonly user: AuthName; readonly password: string }
  | { readonly kind: "deleteUser"; readonly user: AuthName }
  | { readonly kind: "grantRole" | "revokeRole"; readonly user: AuthName; readonly role: AuthName }
  | { readonly kind: "addRole" | "deleteRole"; readonly role: AuthName }
  | {
      readonly kind: "grantPermission";
      readonly role: AuthName;
      readonly permission: Permission;
    }
  | {
      readonly kind: "revokePermission";
      readonly role: AuthName;
      readonly key: Key;
      readonly rangeEnd: Key;
    };

export interface AuthCommand {
  readonly kind: "auth";
  readonly change: AuthChange;
}

export type Command =
  | AuthCommand
  | LeaseGrantCommand
  | LeaseRevokeCommand
  | LeaseCheckpointCommand
  | PutCommand
  | DeleteRangeCommand
  | TxnCommand
  | CompactCommand
  | AlarmCommand
  | PublishMemberCommand
  | RemoveMemberCommand;

// -------------------------------------------------------------------------------- results

export interface PutResult {
  readonly kind: "put";
  readonly revision: Revision;
  readonly prevKv: KeyValue | undefined;
}
export interface DeleteRangeResult {
  readonly kind: "deleteRange";
  readonly revision: Revision;
  readonly deleted: number;
  readonly prevKvs: readonly KeyValue[];
}
export interface TxnResult {
  readonly kind: "txn";
  readonly revision: Revision;
  readonly succeeded: boolean;
  readonly responses: readonly (RangeResult | PutResult | DeleteRangeResult | TxnResult)[];
}
export interface CompactResult {
  readonly kind: "compact";
  readonly revision: Revision;
}
/** Alarm, member and other administrative commands: done. */
export interface DoneResult {
  readonly kind: "done";
  readonly revision: Revision;
}
export interface ErrorResult {
  readonly kind: "error";
  readonly revision: Revision;
  readonly code: StoreErrorCode;
}
export type Result =
  | RangeResult
  | PutResult
  | DeleteRangeResult
  | TxnResult
  | CompactResult
  | DoneResult
  | ErrorResult;

/** Refusals. Doors own the table from code to wire status and text. */
export type StoreErrorCode =
  | "keyEmpty"
  | "keyNotFound"
  | "valueProvided"
  | "leaseProvided"
  | "tooManyOps"
  | "duplicateKey"
  | "invalidSortOption"
  | "compacted"
  | "futureRevision"
  | "noSpace"
  | "corrupt"
  | "leaseNotFound"
  | "leaseExists"
  | "leaseTtlTooLarge"
  /** The bytes are no command of any version. */
  | "commandUnknown"
  /** It would read, compare, sort or answer more than one request may. */
  | "tooCostly"
  | AuthErrorCode;

export type AuthErrorCode =
  /** Also: auth is enabled, and nobody said who asks. */
  | "userEmpty"
  | "userExists"
  | "userNotFound"
  | "roleEmpty"
  | "roleExists"
  | "roleNotFound"
  | "roleNotGranted"
  | "permissionNotGranted"
  | "permissionDenied"
  | "rootUserMissing"
  | "rootRoleMissing"
  | "authNotEnabled"
  | "authFailed"
  /** The request was judged by, or its token speaks of, another state of auth than the present one. */
  | "authRevisionOld"
  | "authManagementInvalid";

// ----------------------------------------------------------------------------- durability

/** Where in the log the store stands. Saved in the same transaction as the effects. */
export interface StorePoint {
  readonly index: number;
  readonly epoch: number;
  readonly proposer: string;
  /** Opaque (the member's encoding of the membership in force at `index`). */
  readonly meta: Uint8Array;
}

export interface ApplyContext {
  readonly index: number;
  readonly epoch: number;
  readonly proposer: string;
  /** Wall clock the leader wrote into the entry; the only time the store knows. */
  readonly leaderTimeMs: number;
}

/** One change of one key, as watchers will see it. */
export interface StoreEvent {
  readonly type: "put" | "delete";
  readonly kv: KeyValue;
  readonly prevKv: KeyValue | undefined;
}

// -------------------------------------------------------------------------------- watching

export interface EventsRequest {
  readonly key: Key;
  /** As in `RangeRequest`. */
  readonly rangeEnd: Key;
  /** Inclusive; 1 or later. */
  readonly fromRevision: Revision;
  readonly prevKv: boolean;
  /** The piece ends with the revision in which it reaches so many, or within it if it may. */
  readonly eventsMax: number;
  /**
   * How much of `fromRevision` was read before, as the last piece said. Whoever gives it, be it 0, gets pieces
   * that may end within a revision: one revision may have half a million events.
   */
  readonly fromPart?: number;
  /** For who holds the history from there on: it is read as long as it is there, below the floor too. */
  readonly isHeld?: boolean;
}

export interface EventsResult {
  readonly kind: "events";
  /** In the order in which the changes were made. */
  readonly events: readonly StoreEvent[];
  /** Everything before this revision has been seen. Beyond the store's: there is no more yet. */
  readonly nextRevision: Revision;
  /** How much of that revision has been seen; 0 for who gave no part. */
  readonly nextPart: number;
}

export interface WatchReads {
  /**
   * A bounded piece of what happened to a range. After each batch of entries a caller that follows
   * the store asks again from `nextRevision`: a store that nobody watches does nothing for it. The
   * error is `compacted`.
   */
  readEvents(request: EventsRequest): EventsResult | ErrorResult;
  /**
   * What happened from this revision on, asked for whenever it matters, stays until it was read, although
   * it is compacted: whoever follows the store has missed nothing when entries and a compaction are
   * applied in one piece. Returns the function that ends it.
   */
  holdHistory(from: () => Revision): () => void;
}

// ---------------------------------------------------------------------------------- leases

/** What the log says of a lease. When it was kept alive last, only the leader knows. */
export interface LeaseState {
  readonly lease: LeaseId;
  readonly ttlSeconds: number;
  /** What was left of it at `asOfMs`. */
  readonly remainingSeconds: number;
  /** The leader's time at the grant or the last checkpoint. */
  readonly asOfMs: number;
  /** Who was granted it while auth was enabled. */
  readonly owner?: AuthName;
}

export type LeaseChange =
  | { readonly kind: "granted" | "checkpoint"; readonly state: LeaseState }
  | { readonly kind: "revoked"; readonly lease: LeaseId }
  /** A snapshot replaced everything: read `leases` again. */
  | { readonly kind: "replaced" };

/** When a lease ends by the clock of whoever says so; only to be compared with others. */
export interface LeaseEnd {
  readonly lease: LeaseId;
  readonly endMs: number;
}

export interface LeaseKeysRun {
  /** About what is held for it and for its answer; the latter once the first keys are handed out. */
  readonly heldBytes: number;
  /** Begins a step of about so much work. */
  allow(work: number): void;
  /** The next keys, none at the end; undefined: the step is over. */
  next(): readonly Key[] | undefined;
}

export interface LeaseReads {
  lease(lease: LeaseId): LeaseState | undefined;
  /** Ordered by when they would end, as far as the log knows, then by id. */
  leases(): readonly LeaseState[];
  /** All of them in no order, for there may be very many. */
  leaseEnds(): readonly LeaseEnd[];
  /** Sorted. */
  leaseKeys(lease: LeaseId): readonly Key[];
  /** Called within `apply`, after the change. One observer; undefined ends it. */
  observeLeases(observer: ((change: LeaseChange) => void) | undefined): void;
}

// ------------------------------------------------------------------------------------ auth

export interface AuthUser {
  /** As the door hashed it. */
  readonly password: string;
  readonly hasPassword: boolean;
  /** Sorted. */
  readonly roles: readonly AuthName[];
  /** The revision by which it was made or given another password: no older token is its own. */
  readonly since: number;
}

export interface AuthRole {
  /** Sorted by key, then by end. */
  readonly permissions: readonly Permission[];
}

/**
 * Users, roles and what they permit, as of what is applied. Whatever is asked here is answered at
 * once; each `refuses...` gives the reason, or undefined: it may be done. Without auth all may.
 */
export interface AuthState {
  readonly enabled: boolean;
  /** Counts the changes that matter to permissions and tokens. */
  readonly revision: number;
  user(name: AuthName): AuthUser | undefined;
  role(name: AuthName): AuthRole | undefined;
  /** Sorted. */
  users(): readonly AuthName[];
  roles(): readonly AuthName[];
  refuses(op: Command | TxnOp, caller: AuthCaller): AuthErrorCode | undefined;
  /** To read a range. */
  refusesRange(key: Key, rangeEnd: Key, caller: AuthCaller): AuthErrorCode | undefined;
  /** Of all keys that hang on a lease; to write one without keys: unless it is the caller's own. */
  refusesLease(
    lease: LeaseId,
    access: "read" | "write",
    caller: AuthCaller,
  ): AuthErrorCode | undefined;
  /**
   * What the caller showed is worth nothing any more, whatever it says: its user has another password
   * since, was made anew, or auth was disabled meanwhile.
   */
  isRevoked(caller: AuthCaller): boolean;
  /** Unless it is some user who asks. */
  refusesUser(caller: AuthCaller): AuthErrorCode | undefined;
  /** Unless it is a user with the role `root`. */
  refusesAdmin(caller: AuthCaller): AuthErrorCode | undefined;
}

export type TokenChange =
  | { readonly kind: "assigned"; readonly token: string; readonly user: AuthName }
  | { readonly kind: "userEnded"; readonly user: AuthName }
  /** Auth was disabled, or a snapshot replaced everything. */
  | { readonly kind: "allEnded" };

export interface AuthReads {
  /** Of this moment: a snapshot replaces it. */
  readonly auth: AuthState;
  /** Called within `apply`. One observer; undefined ends it. */
  observeTokens(observer: ((change: TokenChange) => void) | undefined): void;
}

export interface SnapshotReader {
  readonly point: StorePoint;
  /**
   * The next self-contained, checksummed chunk, or undefined at the end. Each call is short. Throws
   * `StateReplaced` when an installed snapshot took the place of what is read.
   */
  next(): Uint8Array | undefined;
  close(): void;
}

export interface SnapshotWriter {
  /** Throws `SnapshotDamaged` for a chunk that does not verify or comes out of order. */
  write(chunk: Uint8Array): void;
  /**
   * Calls back once the disk has what was written so far, maybe at once; with the error if it did not take
   * all of it. Who writes on without waiting fills the memory instead.
   */
  flush(done: (error: Error | undefined) => void): void;
  /** Verifies completeness. Nothing of the live store has changed before `install`. */
  finish(): StorePoint;
  /** Swaps atomically and durably: after a crash the old or the new state, whole. */
  install(done: (error: Error | undefined) => void): void;
  abort(): void;
}

export interface Store {
  readonly appliedIndex: number;
  readonly revision: Revision;
  /** -1: never compacted. */
  readonly compactRevision: Revision;

  /**
   * Deterministic and synchronous; a refusal is an ErrorResult. Index must be appliedIndex + 1. Throws for
   * a command of a later version, which does nothing here and something elsewhere.
   * `meta` comes with a change of the membership that brings a command along.
   */
  apply(command: Uint8Array, context: ApplyContext, meta?: Uint8Array): Result;
  /** An entry without a command (no-op, membership): moves the point, changes nothing else. */
  applyNothing(context: ApplyContext, meta?: Uint8Array): void;

  range(request: RangeRequest): RangeResult | ErrorResult;
  /** The same in short steps, for what may be large. `workMax` bounds it, in the units of `workOf`. */
  openRange(request: RangeRequest, workMax?: number): ReadRun | ErrorResult;
  /** A txn that only reads, evaluated on local state. */
  readTxn(txn: TxnCommand): TxnResult | ErrorResult;
  /** The same in short steps, of a txn without other operations than ranges. */
  openTxn(txn: TxnCommand, workMax?: number): ReadRun | ErrorResult;
  /** What a command would read if it were applied now; beyond its bound it need not go into the log. */
  workOf(command: TxnCommand | DeleteRangeCommand): number;

  members(): readonly PublishMemberCommand[];
  alarms(): readonly { readonly member: string; readonly alarm: AlarmKind }[];

  /** The running hash of every effect up to `appliedIndex`: equal on all members at equal index. */
  stateHash(): { readonly index: number; readonly hash: number };

  /** Where a restart would find the store now. */
  durable(): StorePoint;
  /**
   * Asks that everything applied so far become durable; thoroughly: and that the space of what was
   * removed be free. Never blocks the loop. An error is not final, unless `failure` is set.
   */
  flush(done: (error: Error | undefined) => void, thorough?: boolean): void;

  openSnapshot(): SnapshotReader;
  beginRestore(): SnapshotWriter;

  /** Allocated bytes, and those that hold live data. */
  readonly bytes: number;
  readonly bytesInUse: number;
  /**
   * Set for good once the disk takes nothing any more, also when nobody writes: the store ends here, and
   * with it its member.
   */
  readonly failure: Error | undefined;
  /** Applied, and kept in memory only because the disk has not taken it yet. */
  readonly unwrittenBytes: number;

  close(done: () => void): void;
}
