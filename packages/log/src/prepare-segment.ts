// Makes the next segment ready in the background: zeroed, durable, then named. Overwriting zeroed
// blocks lets a sync skip the file system's journal, and recovery may rely on what was not written
// being zero. Without room for a whole segment one sector is enough; the file then grows.

import { type Disk, DiskError, type DiskFile } from "./disk.ts";
import { sectorBytes, segmentName, unfinishedName } from "./segment-format.ts";

export interface PreparedSegment {
  readonly number: number;
  readonly file: DiskFile;
  readonly allocatedBytes: number;
}

type PrepareDone = (error: DiskError | undefined, segment: PreparedSegment | undefined) => void;

const chunkBytesMax = 256 * 1024;
/** Synced in steps, so that no sync of the log waits behind a whole segment of zeros. */
const stepBytes = 4 * 1024 * 1024;
let zeros = new Uint8Array(0);

export function prepareSegment(disk: Disk, number: number, bytes: number, done: PrepareDone): void {
  let file: DiskFile;
  try {
    if (disk.list().includes(unfinishedName)) disk.remove(unfinishedName);
    file = disk.open(unfinishedName, { create: true });
  } catch (error) {
    done(asDiskError(error), undefined);
    return;
  }
  const fail = (error: DiskError) => {
    file.close();
    done(error, undefined);
  };
  const finish = (allocatedBytes: number) => {
    try {
      disk.rename(unfinishedName, segmentName(number));
    } catch (error) {
      fail(asDiskError(error));
      return;
    }
    disk.syncDirectory((error) => {
      if (error !== undefined) fail(error);
      else done(undefined, { number, file, allocatedBytes });
    });
  };
  const zero = (from: number, unsynced: number) => {
    if (from === bytes || unsynced >= stepBytes) {
      file.sync((error) => {
        if (error !== undefined) fail(error);
        else if (from === bytes) finish(bytes);
        else zero(from, 0);
      });
      return;
    }
    const chunk = zeroBytes(Math.min(chunkBytesMax, bytes - from));
    file.write(from, [chunk], (error) => {
      if (error === undefined) zero(from + chunk.length, unsynced + chunk.length);
      else if (error.code === "full" && bytes > sectorBytes) {
        file.close();
        prepareSegment(disk, number, sectorBytes, done);
      } else fail(error);
    });
  };
  zero(0, 0);
}

/** The first segment, before there is a loop to keep alive. */
export function prepareFirstSegment(disk: Disk, bytes: number): PreparedSegment {
  const file = disk.open(unfinishedName, { create: true });
  for (let from = 0; from < bytes; from += chunkBytesMax) {
    file.writeNow(from, zeroBytes(Math.min(chunkBytesMax, bytes - from)));
  }
  file.syncNow();
  disk.rename(unfinishedName, segmentName(1));
  disk.syncDirectoryNow();
  return { number: 1, file, allocatedBytes: bytes };
}

export function asDiskError(error: unknown): DiskError {
  if (error instanceof DiskError) return error;
  return new DiskError("io", "", String(error), { cause: error });
}

function zeroBytes(length: number): Uint8Array {
  if (zeros.length < length) zeros = new Uint8Array(length);
  return zeros.subarray(0, length);
}
