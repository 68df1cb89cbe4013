// The disk port over `node:fs`: one directory, one flat set of files.
//
// Small writes are made in place (`writeSync`), syncs in the thread pool. A small write goes to
// pages that the zeroed segment left in memory, costs microseconds and saves two hops of the loop
// (measured: `log.bench.ts`). It can only block when the disk hangs between two syncs: while a sync
// hangs, the log issues no write. Large writes (zeroing a segment, a huge record) go to the pool.

import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  read as readFile,
  readFileSync,
  renameSync,
  unlinkSync,
  write as writeFile,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import {
  type Disk,
  type DiskDone,
  DiskError,
  type DiskErrorCode,
  type DiskFile,
} from "@althing/log";

export interface NodeDiskOptions {
  /** Writes of at most this many bytes are made in place. 0 sends all to the thread pool. */
  readonly inPlaceBytesMax?: number;
}

const inPlaceBytesMaxDefault = 128 * 1024;

export function openNodeDisk(directory: string, options: NodeDiskOptions = {}): Disk {
  const inPlaceBytesMax = options.inPlaceBytesMax ?? inPlaceBytesMaxDefault;
  const path = (name: string) => join(directory, name);
  return {
    list: () =>
      guard("", () =>
        readdirSync(directory, { withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => entry.name)
          .sort(),
      ),
    readAll: (name) => guard(name, () => readFileSync(path(name))),
    open: (name, { create = false } = {}) =>
      guard(name, () => {
        const fd = create ? openOrCreate(path(name)) : openSync(path(name), "r+");
        return new NodeFile(name, fd, inPlaceBytesMax);
      }),
    rename: (from, to) => guard(from, () => renameSync(path(from), path(to))),
    remove: (name) => guard(name, () => unlinkSync(path(name))),
    syncDirectory: (done) => {
      let fd: number;
      try {
        fd = openSync(directory, "r");
      } catch (error) {
        setImmediate(done, toDiskError("", error));
        return;
      }
      fsync(fd, (error) => {
        closeSync(fd);
        done(error === null ? undefined : toDiskError("", error));
      });
    },
    syncDirectoryNow: () => guard("", () => syncDirectoryOf(directory)),
  };
}

/** Makes what was created, renamed or removed in `directory` durable. */
export function syncDirectoryOf(directory: string): void {
  const fd = openSync(directory, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

class NodeFile implements DiskFile {
  readonly #name: string;
  readonly #inPlaceBytesMax: number;
  readonly #fd: number;
  /** The descriptor is closed only when nothing uses it: its number could be another file's. */
  #inUse = 0;
  #isClosed = false;

  constructor(name: string, fd: number, inPlaceBytesMax: number) {
    this.#name = name;
    this.#fd = fd;
    this.#inPlaceBytesMax = inPlaceBytesMax;
  }

  size(): number {
    return guard(this.#name, () => fstatSync(this.#fd).size);
  }

  /** Calls back before it returns when the write was made in place. */
  write(offset: number, parts: readonly Uint8Array[], done: DiskDone): void {
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    if (bytes > this.#inPlaceBytesMax) {
      this.#inUse += 1;
      this.#writeInPool(offset, parts, 0, 0, (error) => {
        this.#release();
        done(error);
      });
      return;
    }
    let failure: DiskError | undefined;
    try {
      let at = offset;
      for (const part of parts) {
        writeWhole(this.#fd, part, at);
        at += part.length;
      }
    } catch (error) {
      failure = toDiskError(this.#name, error);
    }
    done(failure);
  }

  sync(done: DiskDone): void {
    this.#inUse += 1;
    fdatasync(this.#fd, (error) => {
      this.#release();
      done(error === null ? undefined : toDiskError(this.#name, error));
    });
  }

  read(
    offset: number,
    length: number,
    done: (error: DiskError | undefined, bytes: Uint8Array) => void,
  ): void {
    const bytes = Buffer.allocUnsafeSlow(length);
    this.#inUse += 1;
    const go = (filled: number): void => {
      readFile(this.#fd, bytes, filled, length - filled, offset + filled, (error, count) => {
        if (error === null && count > 0 && filled + count < length) {
          go(filled + count);
          return;
        }
        this.#release();
        if (error === null) done(undefined, bytes.subarray(0, filled + count));
        else done(toDiskError(this.#name, error), new Uint8Array(0));
      });
    };
    go(0);
  }

  writeNow(offset: number, bytes: Uint8Array): void {
    guard(this.#name, () => writeWhole(this.#fd, bytes, offset));
  }

  truncateNow(size: number): void {
    guard(this.#name, () => ftruncateSync(this.#fd, size));
  }

  syncNow(): void {
    guard(this.#name, () => fdatasyncSync(this.#fd));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#inUse === 0) closeSync(this.#fd);
  }

  #release(): void {
    this.#inUse -= 1;
    if (this.#inUse === 0 && this.#isClosed) closeSync(this.#fd);
  }

  #writeInPool(
    at: number,
    parts: readonly Uint8Array[],
    part: number,
    from: number,
    done: DiskDone,
  ): void {
    const bytes = parts[part];
    if (bytes === undefined) {
      done(undefined);
      return;
    }
    writeFile(this.#fd, bytes, from, bytes.length - from, at, (error, count) => {
      if (error !== null) done(toDiskError(this.#name, error));
      else if (from + count < bytes.length) {
        this.#writeInPool(at + count, parts, part, from + count, done);
      } else this.#writeInPool(at + count, parts, part + 1, 0, done);
    });
  }
}

function openOrCreate(path: string): number {
  try {
    return openSync(path, "wx+", 0o600);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
    return openSync(path, "r+");
  }
}

/** A write may be cut short (a signal, a disk nearly full); the rest says why. */
function writeWhole(fd: number, bytes: Uint8Array, offset: number): void {
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(fd, bytes, written, bytes.length - written, offset + written);
  }
}

function guard<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw toDiskError(name, error);
  }
}

const codes: Readonly<Record<string, DiskErrorCode>> = {
  ENOSPC: "full",
  EDQUOT: "full",
  EFBIG: "full",
  ENOENT: "notFound",
  EACCES: "denied",
  EPERM: "denied",
  EROFS: "denied",
};

export function toDiskError(file: string, error: unknown): DiskError {
  if (error instanceof DiskError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new DiskError(codes[errorCode(error)] ?? "io", file, message, { cause: error });
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
