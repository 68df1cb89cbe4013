// What the block engine asks of the world: a place for durable keys and values (LMDB, or a disk of the
// simulator's that loses what was not committed), a folder of such places of which one is in force, and time.
// Nothing here calls back before the call that asked for it has returned.

export type SpaceTable = "records" | "tables" | "removals" | "head";

/** One durable state. What `commit` writes is found by a restart together, or not at all. */
export interface Space {
  /** A view that is valid until the next call. */
  get(table: SpaceTable, key: Uint8Array): Uint8Array | undefined;
  /** In the order of their bytes; each is the caller's. */
  keys(table: SpaceTable): Iterable<Uint8Array>;
  entries(table: SpaceTable): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>;
  /** Within a commit, or alone: then it is durable by and by, and `taken` tells. The bytes are copied. */
  put(table: SpaceTable, key: Uint8Array, value: Uint8Array): void;
  remove(table: SpaceTable, key: Uint8Array): void;
  /** `write` puts and removes. One at a time. */
  commit(write: () => void, done: (error: Error | undefined) => void): void;
  /** When everything put until now is durable; or why something that was ever put is not. */
  taken(done: (error: Error | undefined) => void): void;
  /** What was committed since may be read. Until then both states may be seen. */
  renew(): void;
  /** On the disk, and of that what holds data. */
  readonly bytes: number;
  readonly bytesInUse: number;
  close(done: (error: Error | undefined) => void): void;
}

/** States beside each other, one of them in force. */
export interface SpaceFolder {
  readonly current: string;
  /** A name that no state has. */
  next(): string;
  open(name: string): Space;
  /**
   * Puts the state in force, durably. When it throws and `current` has changed nevertheless, a restart may
   * find either.
   */
  switchTo(name: string): void;
  remove(name: string): void;
}

export interface EngineTimers {
  nowMs(): number;
  /** Calls once, and keeps no process alive. Returns the function that cancels. */
  after(ms: number, run: () => void): () => void;
  /** In a later turn of the loop. */
  soon(run: () => void): void;
}
