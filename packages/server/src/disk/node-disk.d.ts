import { type Disk, DiskError } from "@althing/log";
export interface NodeDiskOptions {
  /** Writes of at most this many bytes are made in place. 0 sends all to the thread pool. */
  readonly inPlaceBytesMax?: number;
}
export declare function openNodeDisk(directory: string, options?: NodeDiskOptions): Disk;
/** Makes what was created, renamed or removed in `directory` durable. */
export declare function syncDirectoryOf(directory: string): void;
export declare function toDiskError(file: string, error: unknown): DiskError;
