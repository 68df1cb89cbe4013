// What a member drives: any deterministic state machine. The member brings it the committed commands one
// after the other, decides when it must be durable, streams its snapshots to members that lag, and answers
// whoever proposed. It never looks into a command, a result or a chunk.

/** Where in the log the state stands. */
export interface StatePoint {
  readonly index: number;
  readonly epoch: number;
  readonly proposer: string;
  /**
   * What the member itself replicates, in its own encoding (see `point-meta.ts`): the state machine keeps
   * it, and gives it back, unread.
   */
  readonly meta: Uint8Array;
}

/** The entry that is applied. Everything in it is the same on every member. */
export interface EntryContext {
  readonly index: number;
  readonly epoch: number;
  readonly proposer: string;
  /** The wall clock that the leader wrote into the entry: the only time a state machine may know. */
  readonly leaderTimeMs: number;
}

export interface SnapshotReader {
  readonly point: StatePoint;
  /**
   * The next chunk, or undefined at the end. Each call is short. Throws when an installed snapshot took
   * the place of what is read.
   */
  next(): Uint8Array | undefined;
  close(): void;
}

export interface SnapshotWriter {
  /** Throws when the chunk does not verify or comes out of order. */
  write(chunk: Uint8Array): void;
  /**
   * Calls back once the disk has what was written so far, maybe at once; with the error if it did not take
   * all of it. Who writes on without waiting fills the memory instead.
   */
  flush(done: (error: Error | undefined) => void): void;
  /** Verifies that it is whole. Nothing of the live state has changed before `install`. */
  finish(): StatePoint;
  /** Swaps atomically and durably: after a crash the old or the new state, whole. */
  install(done: (error: Error | undefined) => void): void;
  abort(): void;
}

/**
 * What is applied must follow from the commands, their context and their order alone: no clock, no chance,
 * no I/O. A refusal is a result, as any other. What `apply` throws ends the member, for it then knows less
 * than the others: throw for a command that this version cannot read, and say what to do.
 */
export interface StateMachine<Result = unknown> {
  readonly appliedIndex: number;
  /**
   * Index is `appliedIndex` + 1. The point moves together with the effects: whatever survives a crash is
   * the state at one index. `meta` replaces the point's, which else stays. The bytes are part of the log:
   * copy what is kept.
   */
  apply(command: Uint8Array, context: EntryContext, meta?: Uint8Array): Result;
  /** An entry that is none of the state machine's: moves the point, changes nothing else. */
  applyNothing(context: EntryContext, meta?: Uint8Array): void;

  /** A running hash of all effects, compared between members at equal index; without it nothing is. */
  stateHash?(): { readonly hash: number };

  /** Where a restart would find the state now. */
  durable(): StatePoint;
  /** Asks that all that is applied become durable. An error is not final, unless `failure` is set. */
  flush(done: (error: Error | undefined) => void): void;
  /** Set for good once the disk takes nothing any more: the member ends. */
  readonly failure: Error | undefined;
  /** Applied, and kept in memory only because the disk has not taken it yet: beyond a bound it waits. */
  readonly unwrittenBytes: number;

  openSnapshot(): SnapshotReader;
  beginRestore(): SnapshotWriter;

  /** Housekeeping in short steps, called while `compactionPending` and when there is time. */
  readonly compactionPending?: boolean;
  /** True: there is more to do now. */
  compactStep?(): boolean;

  close(done: () => void): void;
}
