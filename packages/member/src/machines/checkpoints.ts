// Checkpoints of a state on the disk: the chunks of a snapshot, each behind its length. A file gets its name
// only when all of it is on the disk, so a torn one never counts (corpus: torn-snapshot-file). Names carry a
// number that only grows; the one before the newest is kept, in case the newest is found damaged.

import { type Disk, DiskError } from "@althing/log";
import type { SnapshotReader } from "../state-machine.ts";
import { type Capture, CaptureAssembler, CaptureDamaged } from "./snapshot-chunks.ts";

const unfinishedName = "state-unfinished";
const namePattern = /^state-(\d{16})$/;
const kept = 2;
const lengthBytes = 4;

/** Undefined: there is none. Throws `CaptureDamaged` when there are some and none can be read. */
export function loadCheckpoint(disk: Disk): Capture | undefined {
  let damaged: unknown;
  for (const name of namesOn(disk).reverse()) {
    try {
      return assemble(disk.readAll(name));
    } catch (cause) {
      if (!(cause instanceof CaptureDamaged)) throw cause;
      damaged = cause;
    }
  }
  if (damaged !== undefined) throw damaged;
  return undefined;
}

/** One chunk per callback: the loop runs in between. */
export function writeCheckpoint(
  disk: Disk,
  chunks: SnapshotReader,
  done: (error: Error | undefined) => void,
): void {
  orFail(done, () => {
    const file = disk.open(unfinishedName, { create: true });
    const fail = (error: Error): void => {
      file.close();
      done(error);
    };
    let offset = 0;
    const writeNext = (): void =>
      orFail(fail, () => {
        const chunk = chunks.next();
        if (chunk === undefined) {
          file.sync((error) => {
            if (error !== undefined) return fail(error);
            file.close();
            publish(disk, done);
          });
          return;
        }
        const length = new Uint8Array(lengthBytes);
        new DataView(length.buffer).setUint32(0, chunk.length);
        const at = offset;
        // Before the write: a disk may call back before it returns.
        offset += lengthBytes + chunk.length;
        file.write(at, [length, chunk], (error) => {
          if (error === undefined) writeNext();
          else fail(error);
        });
      });
    orFail(fail, () => file.truncateNow(0));
    writeNext();
  });
}

function publish(disk: Disk, done: (error: Error | undefined) => void): void {
  orFail(done, () => {
    const names = namesOn(disk);
    const newest = names.at(-1);
    const number = newest === undefined ? 1 : Number(namePattern.exec(newest)![1]) + 1;
    disk.rename(unfinishedName, `state-${String(number).padStart(16, "0")}`);
    disk.syncDirectory((error) => {
      if (error !== undefined) return done(error);
      // Only now: before the sync a crash may still bring the old names back.
      orFail(done, () => {
        for (const old of names.slice(0, Math.max(0, names.length + 1 - kept))) disk.remove(old);
        done(undefined);
      });
    });
  });
}

function assemble(bytes: Uint8Array): Capture {
  const assembler = new CaptureAssembler();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const start = at + lengthBytes;
    const end = start > bytes.length ? start : start + view.getUint32(at);
    if (end > bytes.length) throw new CaptureDamaged("the checkpoint is cut short");
    assembler.write(bytes.subarray(start, end));
    at = end;
  }
  return assembler.finish();
}

function namesOn(disk: Disk): string[] {
  return disk
    .list()
    .filter((name) => namePattern.test(name))
    .sort();
}

/** A disk may refuse by throwing where it has no callback. */
function orFail(fail: (error: Error) => void, run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    fail(error);
  }
}
