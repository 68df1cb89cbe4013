// The replicated state machine. `apply` is the only way in: decode, ask the alarms, run, mix the
// effects into the state hash, commit effects and point together. It is deterministic: the same
// commands give the same results, hash and snapshot on every member and every engine. Longer than most
// files, because every kind of command and every way to read pass through here.

import { byteStringOf, type Crc32, crc32 as crc32Table, writeByteString } from "@althing/bytes";
import { Alarms } from "./alarm/alarms.ts";
import { isAuthorized, openAuthorized } from "./auth/authorized.ts";
import { ReplicatedAuth } from "./auth/replicated-auth.ts";
import {
  decodeCommand,
  isOfLaterVersion,
  plainPutKeyEnd,
  plainPutKeyStart,
} from "./command/decode.ts";
import type {
  ApplyContext,
  AuthCaller,
  AuthCommand,
  AuthName,
  AuthReads,
  AuthState,
  Command,
  CompactCommand,
  CompactResult,
  DeleteRangeCommand,
  ErrorResult,
  EventsRequest,
  EventsResult,
  Key,
  LeaseChange,
  LeaseEnd,
  LeaseId,
  LeaseKeysRun,
  LeaseReads,
  LeaseRevokeCommand,
  LeaseState,
  PublishMemberCommand,
  RangeRequest,
  RangeResult,
  ReadRun,
  Result,
  Revision,
  SnapshotReader,
  SnapshotWriter,
  Store,
  StoreErrorCode,
  StorePoint,
  TokenChange,
  TxnCommand,
  TxnResult,
  WatchReads,
} from "./contract.ts";
import type { Engine, Head } from "./engine/port.ts";
import { openLeaseKeys } from "./lease/lease-keys-run.ts";
import { Leases } from "./lease/leases.ts";
import { PublishedMembers } from "./member/published-members.ts";
import { compactionLeft, compactionPending, compactStep } from "./mvcc/compaction.ts";
import { deleteRange } from "./mvcc/delete-range.ts";
import { type HashKvResult, type HashKvRun, openHashKv } from "./mvcc/hash-kv.ts";
import { Keyspace } from "./mvcc/keyspace.ts";
import { keepsRecord } from "./mvcc/obsolete.ts";
import { checkPut, put } from "./mvcc/put.ts";
import { readRange } from "./mvcc/range.ts";
import { Meter } from "./mvcc/work.ts";
import { createSnapshotReader } from "./snapshot/reader.ts";
import { beginRestore, type RestoredState } from "./snapshot/restore.ts";
import { shapeFault } from "./txn/checks.ts";
import { chargeDeletion } from "./txn/path-work.ts";
import { openRange, openTxn } from "./txn/read-run.ts";
import { onlyReads, pathOf, runTxn } from "./txn/txn.ts";
import { readEvents } from "./watch/events.ts";

export interface StoreOptions {
  readonly engine: Engine;
  /** CRC-32 (IEEE), continuing from `seed`. The server passes the built-in one. */
  readonly crc32?: Crc32;
}

/** The store with what its member and its maintenance need beside the contract. */
export interface OpenedStore extends Store, LeaseReads, WatchReads, AuthReads {
  /** Something that compaction made obsolete is still there, be it that it has to wait. */
  readonly compactionLeft: boolean;
  /** `compactStep` has something to do now: not while the disk is behind, nor of what is being read. */
  readonly compactionPending: boolean;
  /**
   * Removes some of what compaction made obsolete; short. Call it while `compactionPending`, when
   * there is time. Returns whether it has more to do now.
   */
  compactStep(): boolean;
  /** As `leaseKeys`, in short steps. */
  openLeaseKeys(lease: LeaseId): LeaseKeysRun;
  hashKv(revision: Revision): HashKvResult | ErrorResult;
  /** The same in short steps. */
  openHashKv(revision: Revision): HashKvRun | ErrorResult;
}

const versionsPerStep = 500;

export function openStore(options: StoreOptions): OpenedStore {
  return new ReplicatedStore(options);
}

class ReplicatedStore implements OpenedStore {
  readonly #engine: Engine;
  readonly #crc32: Crc32;
  readonly #keyspace: Keyspace;
  #alarms: Alarms;
  #members: PublishedMembers;
  #point: StorePoint;
  #restoring = false;
  #leases: Leases;
  #auth: ReplicatedAuth;

  constructor(options: StoreOptions) {
    this.#engine = options.engine;
    this.#crc32 = options.crc32 ?? crc32Table;
    this.#keyspace = new Keyspace(options.engine, this.#crc32);
    this.#adopt(options.engine.head);
    this.#point = options.engine.head.point;
    this.#alarms = Alarms.load(options.engine);
    this.#members = PublishedMembers.load(options.engine);
    this.#leases = Leases.load(options.engine);
    this.#auth = this.#withLeaseKeys(ReplicatedAuth.load(options.engine));
    const { index } = this.#keyspace;
    options.engine.load((main, sub, handle, bytes, start, end) => {
      index.load(main, sub, handle, bytes, start, end);
    });
  }

  get appliedIndex(): number {
    return this.#point.index;
  }
  get revision(): Revision {
    return this.#keyspace.revision;
  }
  get compactRevision(): Revision {
    return this.#keyspace.compactRevision;
  }
  get bytes(): number {
    return this.#engine.bytes;
  }
  get failure(): Error | undefined {
    return this.#engine.failure;
  }
  get unwrittenBytes(): number {
    return this.#engine.unwrittenBytes;
  }
  get bytesInUse(): number {
    return this.#engine.bytesInUse;
  }

  apply(command: Uint8Array, context: ApplyContext, meta?: Uint8Array): Result {
    this.#checkNext(context);
    const result = this.#putPlain(command) ?? this.#runEncoded(command, context);
    this.#keyspace.endCommand();
    this.#commit(context, meta === undefined ? this.#point.meta : new Uint8Array(meta));
    return typeof result === "string" ? this.#error(result) : result;
  }

  applyNothing(context: ApplyContext, meta?: Uint8Array): void {
    this.#checkNext(context);
    this.#commit(context, meta === undefined ? this.#point.meta : new Uint8Array(meta));
  }

  range(request: RangeRequest): RangeResult | ErrorResult {
    const result = readRange(this.#keyspace, request);
    return typeof result === "string" ? this.#error(result) : result;
  }

  openRange(request: RangeRequest, workMax?: number): ReadRun | ErrorResult {
    const run = openRange(this.#keyspace, request, workMax);
    return typeof run === "string" ? this.#error(run) : run;
  }

  readTxn(txn: TxnCommand): TxnResult | ErrorResult {
    if (!onlyReads(txn)) throw new Error("a txn that writes must go through the log");
    const result = runTxn(this.#keyspace, this.#leases, txn);
    return typeof result === "string" ? this.#error(result) : result;
  }

  openTxn(txn: TxnCommand, workMax?: number): ReadRun | ErrorResult {
    const run = openTxn(this.#keyspace, txn, workMax);
    return typeof run === "string" ? this.#error(run) : run;
  }

  workOf(command: TxnCommand | DeleteRangeCommand): number {
    const meter = new Meter(command.workMax);
    if (command.kind === "txn") pathOf(this.#keyspace, this.#leases, command, meter);
    else chargeDeletion(this.#keyspace, command, meter);
    return meter.spent;
  }

  readEvents(request: EventsRequest): EventsResult | ErrorResult {
    const result = readEvents(this.#keyspace, request);
    return typeof result === "string" ? this.#error(result) : result;
  }

  holdHistory(from: () => Revision): () => void {
    this.#keyspace.holds.add(from);
    return () => {
      this.#keyspace.holds.delete(from);
    };
  }

  lease(lease: LeaseId): LeaseState | undefined {
    return this.#leases.get(lease);
  }

  leases(): readonly LeaseState[] {
    return this.#leases.list();
  }

  leaseEnds(): readonly LeaseEnd[] {
    return this.#leases.ends();
  }

  leaseKeys(lease: LeaseId): readonly Key[] {
    return this.#keyspace.index.attachments.keysOf(lease);
  }

  openLeaseKeys(lease: LeaseId): LeaseKeysRun {
    return openLeaseKeys(this.#keyspace.index.attachments.copyOf(lease));
  }

  observeLeases(observer: ((change: LeaseChange) => void) | undefined): void {
    this.#leases.observer = observer;
  }

  get auth(): AuthState {
    return this.#auth;
  }

  observeTokens(observer: ((change: TokenChange) => void) | undefined): void {
    this.#auth.observer = observer;
  }

  members(): readonly PublishMemberCommand[] {
    return this.#members.list();
  }

  alarms(): ReturnType<Store["alarms"]> {
    return this.#alarms.list();
  }

  stateHash(): { readonly index: number; readonly hash: number } {
    return { index: this.#point.index, hash: this.#keyspace.hash };
  }

  durable(): StorePoint {
    return this.#engine.durable();
  }

  flush(done: (error: Error | undefined) => void, thorough = false): void {
    this.#engine.flush(done, thorough);
  }

  get compactionLeft(): boolean {
    return compactionLeft(this.#keyspace);
  }

  get compactionPending(): boolean {
    return compactionPending(this.#keyspace);
  }

  compactStep(): boolean {
    return compactStep(this.#keyspace, versionsPerStep);
  }

  openHashKv(revision: Revision): HashKvRun | ErrorResult {
    const run = openHashKv(this.#keyspace, revision);
    return typeof run === "string" ? this.#error(run) : run;
  }

  hashKv(revision: Revision): HashKvResult | ErrorResult {
    const run = this.openHashKv(revision);
    if ("kind" in run) return run;
    for (;;) {
      const result = run.next();
      if (result !== undefined) return result;
    }
  }

  openSnapshot(): SnapshotReader {
    const pin = this.#keyspace.pin();
    return createSnapshotReader(this.#engine, this.#head(), {
      pin,
      crc32: this.#crc32,
      keep: keepsRecord(this.#keyspace, pin.floor),
      closed: pin.release,
    });
  }

  beginRestore(): SnapshotWriter {
    return beginRestore(this.#engine.beginRestore(), this.#crc32, {
      installing: () => {
        this.#restoring = true;
      },
      installed: (state) => {
        this.#restoring = false;
        if (state !== undefined) this.#replaceBy(state);
      },
    });
  }

  close(done: () => void): void {
    this.#engine.close(done);
  }

  /** The most frequent command without taking it apart; undefined when it is another one. */
  #putPlain(command: Uint8Array): Result | undefined {
    if (this.#alarms.active || this.#auth.enabled) return undefined;
    const keyEnd = plainPutKeyEnd(command);
    return keyEnd === 0 ? undefined : this.#putBytes(command, plainPutKeyStart(command), keyEnd);
  }

  #putBytes(command: Uint8Array, keyStart: number, keyEnd: number): Result {
    const keyspace = this.#keyspace;
    keyspace.putBytes(command, keyStart, keyEnd, command, keyEnd, 0n);
    return { kind: "put", revision: keyspace.visibleRevision, prevKv: undefined };
  }

  #runEncoded(bytes: Uint8Array, context: ApplyContext): Result | StoreErrorCode {
    if (!isAuthorized(bytes)) return this.#runDecoded(bytes, undefined, context);
    const opened = openAuthorized(bytes);
    if (opened === undefined) return "commandUnknown";
    const { caller, command } = opened;
    return this.#putPlainFor(caller, command) ?? this.#runDecoded(command, caller, context);
  }

  /** The same as `#putPlain` for somebody. */
  #putPlainFor(caller: AuthCaller, command: Uint8Array): Result | StoreErrorCode | undefined {
    const keyEnd = this.#alarms.active ? 0 : plainPutKeyEnd(command);
    if (keyEnd === 0) return undefined;
    const keyStart = plainPutKeyStart(command);
    const key = byteStringOf(command, keyStart, keyEnd);
    return this.#auth.refusesWrite(key, caller) ?? this.#putBytes(command, keyStart, keyEnd);
  }

  #runDecoded(
    bytes: Uint8Array,
    caller: AuthCaller | undefined,
    context: ApplyContext,
  ): Result | StoreErrorCode {
    const command = decodeCommand(bytes);
    if (command === undefined) return unreadable(bytes);
    if (this.#auth.enabled && (caller !== undefined || !isOfTheCluster(command))) {
      const refused = this.#auth.refuses(command, caller ?? nobody);
      if (refused !== undefined) return shapeFault(command) ?? refused;
    }
    return command.kind === "auth"
      ? this.#changeAuth(command, bytes, context.index)
      : this.#run(command, bytes, context.leaderTimeMs, caller);
  }

  #run(
    command: Exclude<Command, AuthCommand>,
    encoded: Uint8Array,
    leaderTimeMs: number,
    caller: AuthCaller | undefined,
  ): Result | StoreErrorCode {
    const refused = this.#alarms.refuses(command);
    if (refused !== undefined) return refused;
    const keyspace = this.#keyspace;
    switch (command.kind) {
      case "put":
        return checkPut(keyspace, this.#leases, command) ?? put(keyspace, command);
      case "deleteRange":
        return deletionFault(keyspace, command) ?? deleteRange(keyspace, command);
      case "txn":
        return runTxn(keyspace, this.#leases, command);
      case "compact":
        return this.#compact(command, encoded);
      case "alarm":
        if (this.#alarms.apply(this.#engine, command)) keyspace.mix(encoded);
        return { kind: "done", revision: keyspace.revision };
      case "publishMember":
        this.#members.publish(this.#engine, command);
        keyspace.mix(encoded);
        return { kind: "done", revision: keyspace.revision };
      case "removeMember":
        if (this.#members.remove(this.#engine, command)) keyspace.mix(encoded);
        return { kind: "done", revision: keyspace.revision };
      case "leaseGrant": {
        const owner = this.#auth.enabled ? caller?.user : undefined;
        const refusal = this.#leases.grant(this.#engine, command, leaderTimeMs, owner);
        if (refusal !== undefined) return refusal;
        keyspace.mix(encoded);
        if (owner) keyspace.mix(bytesOfName(owner));
        return { kind: "done", revision: keyspace.revision };
      }
      case "leaseRevoke":
        return this.#revoke(command, encoded);
      case "leaseCheckpoint":
        if (this.#leases.checkpoint(this.#engine, command, leaderTimeMs)) keyspace.mix(encoded);
        return { kind: "done", revision: keyspace.revision };
    }
  }

  #changeAuth(
    { change }: AuthCommand,
    encoded: Uint8Array,
    index: number,
  ): Result | StoreErrorCode {
    const outcome = this.#auth.apply(this.#engine, change, index);
    if (typeof outcome === "string") return outcome;
    if (outcome) this.#keyspace.mix(encoded);
    return { kind: "done", revision: this.#keyspace.revision };
  }

  #revoke(command: LeaseRevokeCommand, encoded: Uint8Array): Result | StoreErrorCode {
    const keyspace = this.#keyspace;
    if (!this.#leases.exists(command.lease)) return "leaseNotFound";
    keyspace.deleteAttached(command.lease);
    this.#leases.revoke(this.#engine, command.lease);
    keyspace.mix(encoded);
    return { kind: "done", revision: keyspace.visibleRevision };
  }

  #compact(command: CompactCommand, encoded: Uint8Array): CompactResult | StoreErrorCode {
    const keyspace = this.#keyspace;
    if (command.revision <= keyspace.compactRevision) return "compacted";
    if (command.revision > keyspace.revision) return "futureRevision";
    keyspace.compactRevision = command.revision;
    keyspace.mix(encoded);
    return { kind: "compact", revision: keyspace.revision };
  }

  #checkNext(context: ApplyContext): void {
    if (this.#restoring) throw new Error("applied while a snapshot is being installed");
    if (context.index !== this.#point.index + 1) {
      throw new Error(`applied index ${context.index} after ${this.#point.index}`);
    }
  }

  #commit(context: ApplyContext, meta: Uint8Array): void {
    const { index, epoch, proposer } = context;
    this.#point = { index, epoch, proposer, meta };
    this.#engine.commit(this.#head());
  }

  #head(): Head {
    const { revision, compactRevision, hash } = this.#keyspace;
    return { point: this.#point, revision, compactRevision, hash };
  }

  #adopt(head: Head): void {
    this.#keyspace.revision = head.revision;
    this.#keyspace.compactRevision = head.compactRevision;
    this.#keyspace.historyFloor = head.compactRevision;
    this.#keyspace.hash = head.hash;
  }

  #replaceBy(state: RestoredState): void {
    this.#keyspace.replaceBy(state.index);
    this.#adopt(state.head);
    this.#alarms = state.alarms;
    this.#members = state.members;
    this.#point = state.head.point;
    const { observer } = this.#leases;
    this.#leases = state.leases;
    this.#leases.observer = observer;
    observer?.({ kind: "replaced" });
    const { observer: tokenObserver } = this.#auth;
    this.#auth = this.#withLeaseKeys(state.auth);
    this.#auth.observer = tokenObserver;
    tokenObserver?.({ kind: "allEnded" });
  }

  #withLeaseKeys(auth: ReplicatedAuth): ReplicatedAuth {
    auth.visitLeaseKeys = (lease, visit) => {
      this.#keyspace.index.attachments.visitKeysOf(lease, visit);
    };
    auth.leaseOwner = (lease) => this.#leases.get(lease)?.owner ?? "";
    return auth;
  }

  #error(code: StoreErrorCode): ErrorResult {
    return { kind: "error", revision: this.#keyspace.revision, code };
  }
}

function deletionFault(
  keyspace: Keyspace,
  command: DeleteRangeCommand,
): StoreErrorCode | undefined {
  if (command.key === "") return "keyEmpty";
  if (command.workMax === undefined) return undefined;
  const meter = new Meter(command.workMax);
  chargeDeletion(keyspace, command, meter);
  return meter.isExhausted ? "tooCostly" : undefined;
}

/** What no version wrote does nothing anywhere. What a later one wrote does something, elsewhere. */
function unreadable(command: Uint8Array): "commandUnknown" {
  if (isOfLaterVersion(command)) {
    throw new Error("the command is of a later version: upgrade this member");
  }
  return "commandUnknown";
}

const nobody: AuthCaller = { user: "", authRevision: 0 };

function bytesOfName(name: AuthName): Uint8Array {
  const bytes = new Uint8Array(name.length);
  writeByteString(name, bytes, 0);
  return bytes;
}

/**
 * What members propose of their own accord comes without a caller. A door that takes one of these from
 * a client says for whom, even while auth is disabled: it may be enabled by the time it is applied.
 */
function isOfTheCluster(command: Command): boolean {
  switch (command.kind) {
    case "compact":
    case "alarm":
    case "publishMember":
    case "removeMember":
    case "leaseRevoke":
    case "leaseCheckpoint":
      return true;
    case "auth":
      return command.change.kind === "authenticate";
    case "put":
    case "deleteRange":
    case "txn":
    case "leaseGrant":
      return false;
  }
}
