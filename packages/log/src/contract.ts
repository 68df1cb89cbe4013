// The write-ahead log as the member sees it. It stores what the core's `persist` effects say and
// gives it back after a crash. It knows nothing of protocols: entries and state are data to it.

import type { Disk } from "./disk.ts";

export type LogEntryKind = "noop" | "command" | "membership";

/** The same shape as the consensus contract's `Entry`; this package imports nothing. */
export interface LogEntry {
  readonly index: number;
  readonly epoch: number;
  readonly proposer: string;
  readonly kind: LogEntryKind;
  readonly payload: Uint8Array;
}

/** Where the log begins: everything up to `index` is compacted away. `meta` is the member's. */
export interface LogBase {
  readonly index: number;
  readonly epoch: number;
  readonly proposer: string;
  /** Opaque (the membership in force at `index`). */
  readonly meta: Uint8Array;
}

export interface LogWrite {
  /** Opaque protocol state (term and vote, ballot, epoch); replaces the one before. */
  readonly state?: Uint8Array;
  /** Drop every entry at or after this index, before `entries`. */
  readonly truncateFrom?: number;
  /** Each replaces what stands at its own index. Usually ascending and contiguous. */
  readonly entries: readonly LogEntry[];
}

export interface Recovered {
  readonly state: Uint8Array | undefined;
  readonly base: LogBase;
  /** Ascending by index, all > base.index; contiguous but for protocols that leave gaps. */
  readonly entries: readonly LogEntry[];
  /** Bytes of a torn tail that were cut, 0 when there were none. */
  readonly tornBytes: number;
}

export interface LogOptions {
  /** Written to a new log; a log that exists keeps its own. */
  readonly base: LogBase;
  /** Bytes after which a segment is closed and the next, prepared in advance, is used. */
  readonly segmentBytes?: number;
  /** CRC-32 (IEEE) over `bytes`, continuing from `seed`. The server passes `zlib.crc32`. */
  readonly crc32?: (bytes: Uint8Array, seed?: number) => number;
}

export type LogDone = (error: LogError | undefined) => void;

export interface Log {
  readonly recovered: Recovered;
  /**
   * Group commit: everything handed over while a write is under way becomes the next write and one
   * sync. `done`s are called in order. After one error every later call fails with the same error.
   */
  append(write: LogWrite, done: LogDone): void;
  /** Drops what lies at or before `base.index`, and only that. State is kept. */
  compact(base: LogBase, done: LogDone): void;
  /** Starts anew after `base`, as an installed snapshot asks. State is kept. */
  reset(base: LogBase, done: LogDone): void;
  /** Bytes on disk; age of the oldest write not yet durable, measured by the caller's clock. */
  readonly bytes: number;
  /** Set once a write or sync failed; never cleared. */
  readonly failure: LogError | undefined;
  /** Finishes what is under way, then releases the files. */
  close(done: () => void): void;
}

export type LogErrorCode =
  /** A record in the middle does not verify: nothing is repaired silently. */
  "damaged" | "diskFull" | "diskFailed" | "formatUnknown" | "closed";

export class LogError extends Error {
  readonly code: LogErrorCode;
  readonly file: string;
  readonly offset: number;
  constructor(
    code: LogErrorCode,
    message: string,
    place: { file: string; offset: number },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "LogError";
    this.code = code;
    this.file = place.file;
    this.offset = place.offset;
  }
}

export type OpenLog = (disk: Disk, options: LogOptions) => Log;
