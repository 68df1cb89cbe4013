// The disk as the log (and the memory engine's checkpoints) need it: a flat directory of files.
// Starting up is synchronous, because there is no loop to keep alive yet; everything on the running
// path calls back, so that a slow disk never stops an election. The server implements it over
// `node:fs`, the simulator over a virtual disk, tests over `MemoryDisk`; one suite holds all three.

export interface Disk {
  /** Names of the files, sorted. */
  list(): string[];
  /** The whole file. Start-up only. */
  readAll(name: string): Uint8Array;
  /** Opens for reading and writing, creating it when `create` is set. */
  open(name: string, options?: { create?: boolean }): DiskFile;
  /** Replaces `to` atomically. Durable after `syncDirectory`. */
  rename(from: string, to: string): void;
  remove(name: string): void;
  /** Makes creations, renames and removals durable. */
  syncDirectory(done: DiskDone): void;
  /** The same, at start-up. */
  syncDirectoryNow(): void;
}

export interface DiskFile {
  size(): number;
  /** Writes the parts one after the other from `offset`. Not durable before `sync`. */
  write(offset: number, parts: readonly Uint8Array[], done: DiskDone): void;
  /** Everything written before the call is durable when `done` comes without an error. */
  sync(done: DiskDone): void;
  read(
    offset: number,
    length: number,
    done: (error: DiskError | undefined, bytes: Uint8Array) => void,
  ): void;
  /** Start-up twins of the above. */
  writeNow(offset: number, bytes: Uint8Array): void;
  truncateNow(size: number): void;
  syncNow(): void;
  close(): void;
}

export type DiskDone = (error: DiskError | undefined) => void;

export type DiskErrorCode = "full" | "io" | "notFound" | "denied";

/** What a disk reports. `full` is told apart because it can be cured without repair. */
export class DiskError extends Error {
  readonly code: DiskErrorCode;
  readonly file: string;
  constructor(code: DiskErrorCode, file: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DiskError";
    this.code = code;
    this.file = file;
  }
}
