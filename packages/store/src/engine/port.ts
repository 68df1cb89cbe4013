// What the store asks of a storage engine: revision-ordered records, small tables, and a head that
// says where the store stands. Everything between two commits becomes visible to a restart together
// with the second one's head, or not at all (corpus: applied-index-not-atomic). Durability is lazy:
// the log is the truth, and a restart replays it from the head that it finds.

import type { Key, Revision, StorePoint } from "../contract.ts";

/** The store's position: written by every commit, whole. */
export interface Head {
  readonly point: StorePoint;
  readonly revision: Revision;
  readonly compactRevision: Revision;
  /** The running state hash at `point.index`. */
  readonly hash: number;
}

export const emptyPoint: StorePoint = {
  index: 0,
  epoch: 0,
  proposer: "",
  meta: new Uint8Array(0),
};

export const emptyHead: Head = { point: emptyPoint, revision: 1, compactRevision: -1, hash: 0 };

/**
 * Where the engine put a record. Opaque to the store, which keeps it beside the revision, so that
 * an engine needs no index of its own.
 */
export type Handle = number;

/** Return false to stop the scan after this record. */
export type RecordVisitor = (
  main: Revision,
  sub: number,
  handle: Handle,
  record: Uint8Array,
) => boolean;

/** As above, with the record as a part of `bytes`: a view of each would make a restart slow. */
export type LoadVisitor = (
  main: Revision,
  sub: number,
  handle: Handle,
  bytes: Uint8Array,
  start: number,
  end: number,
) => void;

/** A record as a part of larger bytes. Mutable, so that one serves many reads. */
export interface RecordPlace {
  bytes: Uint8Array;
  start: number;
  end: number;
}

/** For who reads a state in more than one step. What is removed meanwhile is for the keyspace to say. */
export interface StatePin {
  /** As the engine's. Throws `StateReplaced` once an installed snapshot took the place of the state. */
  scan(main: Revision, sub: number, visit: RecordVisitor): void;
  /** Throws the same: for who reads otherwise. */
  check(): void;
}

export interface EngineWriter {
  /** Revisions come in ascending order of (main, sub). The bytes are copied. */
  append(main: Revision, sub: number, record: Uint8Array): Handle;
  /** A copy of `value` replaces what the table held under `key`. */
  put(table: string, key: Key, value: Uint8Array): void;
}

export interface Engine extends EngineWriter {
  /** Of the last commit; at opening, what the restart found. */
  readonly head: Head;
  /** A view that stays as it is, but may pin memory: copy what is kept. */
  read(main: Revision, sub: number, handle: Handle): Uint8Array;
  /** As `read`, without making a view: a range reads thousands. */
  readPlace(main: Revision, sub: number, handle: Handle, place: RecordPlace): void;
  remove(main: Revision, sub: number, handle: Handle): void;
  delete(table: string, key: Key): void;
  /** Sorted. */
  tableNames(): string[];
  /** Entries of a table, in any order. */
  entries(table: string): [Key, Uint8Array][];
  commit(head: Head): void;
  /** Visits every record there is, once, when the store opens and before any other call. */
  load(visit: LoadVisitor): void;
  /** Every record from (main, sub) on, ascending, until the visitor stops it. */
  scan(main: Revision, sub: number, visit: RecordVisitor): void;
  pin(): StatePin;
  /** It is writing all of itself in many steps: nothing may be removed until it is done. */
  readonly isCopying: boolean;

  durable(): StorePoint;
  /**
   * Makes everything committed so far durable; thoroughly: gives back the space of what was removed as
   * well, also where it costs to write much anew. `done` may be called before this returns. An error is not final, unless `failure` is set.
   */
  flush(done: (error: Error | undefined) => void, thorough?: boolean): void;
  /** A second, empty state beside the live one. One at a time. */
  beginRestore(): EngineStage;

  readonly bytes: number;
  readonly bytesInUse: number;
  /** Set for good once the disk takes nothing any more: nothing that is committed will be durable. */
  readonly failure: Error | undefined;
  /** Committed, and kept in memory only because the disk has not taken it yet. */
  readonly unwrittenBytes: number;
  /** Records that were removed, of which the disk has not heard yet. */
  readonly unwrittenRemovals: number;
  close(done: () => void): void;
}

/** A state in the making. The live one is untouched until `install`. */
export interface EngineStage extends EngineWriter {
  /** Calls back once the disk has what was added so far, maybe at once; or why it has not. */
  flush(done: (error: Error | undefined) => void): void;
  /** Swaps atomically and durably: a crash finds the old state or the new one, whole. */
  install(head: Head, done: (error: Error | undefined) => void): void;
  abort(): void;
}
