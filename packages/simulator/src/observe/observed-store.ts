// A store with witnesses: it passes everything on to the real one and tells what was applied, with
// what answer, and the state hash after it.

import type {
  ApplyContext,
  AuthReads,
  DeleteRangeCommand,
  EventsRequest,
  LeaseChange,
  LeaseReads,
  OpenedStore,
  RangeRequest,
  Result,
  SnapshotReader,
  SnapshotWriter,
  Store,
  StorePoint,
  TokenChange,
  TxnCommand,
  WatchReads,
} from "@althing/store";

export interface StoreObserver {
  /** `command` is undefined for entries without one. */
  applied(
    index: number,
    command: Uint8Array | undefined,
    result: Result | undefined,
    stateHash: number,
  ): void;
  /** A snapshot is read, or staged: returns what is called when that is over, once or more. */
  sending(): () => void;
  receiving(): () => void;
}

export class ObservedStore implements Store, LeaseReads, WatchReads, AuthReads {
  readonly #store: OpenedStore;
  readonly #observer: StoreObserver;

  constructor(store: OpenedStore, observer: StoreObserver) {
    this.#store = store;
    this.#observer = observer;
  }

  get appliedIndex(): number {
    return this.#store.appliedIndex;
  }
  get revision(): number {
    return this.#store.revision;
  }
  get compactRevision(): number {
    return this.#store.compactRevision;
  }
  get bytes(): number {
    return this.#store.bytes;
  }
  get bytesInUse(): number {
    return this.#store.bytesInUse;
  }
  get failure(): Error | undefined {
    return this.#store.failure;
  }
  get unwrittenBytes(): number {
    return this.#store.unwrittenBytes;
  }

  apply(command: Uint8Array, context: ApplyContext, meta?: Uint8Array): Result {
    const result = this.#store.apply(command, context, meta);
    this.#observer.applied(context.index, command, result, this.#store.stateHash().hash);
    return result;
  }

  applyNothing(context: ApplyContext, meta?: Uint8Array): void {
    this.#store.applyNothing(context, meta);
    this.#observer.applied(context.index, undefined, undefined, this.#store.stateHash().hash);
  }

  openRange(request: RangeRequest, workMax?: number) {
    return this.#store.openRange(request, workMax);
  }
  openTxn(txn: TxnCommand, workMax?: number) {
    return this.#store.openTxn(txn, workMax);
  }
  workOf(command: TxnCommand | DeleteRangeCommand) {
    return this.#store.workOf(command);
  }

  range(request: RangeRequest) {
    return this.#store.range(request);
  }
  readTxn(txn: TxnCommand) {
    return this.#store.readTxn(txn);
  }
  readEvents(request: EventsRequest) {
    return this.#store.readEvents(request);
  }
  holdHistory(from: () => number) {
    return this.#store.holdHistory(from);
  }
  lease(lease: bigint) {
    return this.#store.lease(lease);
  }
  leases() {
    return this.#store.leases();
  }
  leaseEnds() {
    return this.#store.leaseEnds();
  }
  leaseKeys(lease: bigint) {
    return this.#store.leaseKeys(lease);
  }
  observeLeases(observer: ((change: LeaseChange) => void) | undefined): void {
    this.#store.observeLeases(observer);
  }
  get auth() {
    return this.#store.auth;
  }
  observeTokens(observer: ((change: TokenChange) => void) | undefined): void {
    this.#store.observeTokens(observer);
  }
  get compactionPending(): boolean {
    return this.#store.compactionPending;
  }
  compactStep(): boolean {
    return this.#store.compactStep();
  }
  members() {
    return this.#store.members();
  }
  alarms() {
    return this.#store.alarms();
  }
  stateHash() {
    return this.#store.stateHash();
  }
  durable(): StorePoint {
    return this.#store.durable();
  }
  flush(done: (error: Error | undefined) => void, thorough = false): void {
    this.#store.flush(done, thorough);
  }
  openSnapshot(): SnapshotReader {
    const reader = this.#store.openSnapshot();
    const sent = this.#observer.sending();
    return {
      point: reader.point,
      next: () => reader.next(),
      close: () => {
        sent();
        reader.close();
      },
    };
  }
  beginRestore(): SnapshotWriter {
    const writer = this.#store.beginRestore();
    const over = this.#observer.receiving();
    return {
      write: (chunk) => writer.write(chunk),
      flush: (done) => writer.flush(done),
      finish: () => writer.finish(),
      install: (done) => {
        over();
        writer.install(done);
      },
      abort: () => {
        over();
        writer.abort();
      },
    };
  }
  get compactionLeft(): boolean {
    return this.#store.compactionLeft;
  }
  openHashKv(revision: number) {
    return this.#store.openHashKv(revision);
  }
  hashKv(revision: number) {
    return this.#store.hashKv(revision);
  }
  close(done: () => void): void {
    this.#store.close(done);
  }
}
