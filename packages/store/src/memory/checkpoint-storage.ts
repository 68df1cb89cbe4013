// The part of a disk that checkpoints need. The log's `Disk` has this shape; the store imports
// nothing, so it says here what it asks for.

export interface CheckpointFile {
  write(
    offset: number,
    parts: readonly Uint8Array[],
    done: (error: Error | undefined) => void,
  ): void;
  sync(done: (error: Error | undefined) => void): void;
  truncateNow(size: number): void;
  close(): void;
}

export interface CheckpointStorage {
  list(): string[];
  readAll(name: string): Uint8Array;
  open(name: string, options?: { create?: boolean }): CheckpointFile;
  rename(from: string, to: string): void;
  remove(name: string): void;
  syncDirectory(done: (error: Error | undefined) => void): void;
}
