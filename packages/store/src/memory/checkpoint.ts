// Checkpoints of the memory engine: a snapshot stream in a file, each chunk behind its length. A file
// gets its name only when all of it is on the disk, so a torn one never counts (corpus:
// torn-snapshot-file). Names carry a number that only grows: the newest file wins even when it was
// restored from an older point (corpus: old-snapshot-after-recovery).

import type { Crc32 } from "@althing/bytes";
import type { SnapshotReader } from "../contract.ts";
import type { Head } from "../engine/port.ts";
import { SnapshotAssembler } from "../snapshot/assembler.ts";
import { SnapshotDamaged, type SnapshotItem } from "../snapshot/format.ts";
import type { CheckpointStorage } from "./checkpoint-storage.ts";

const unfinishedName = "checkpoint.tmp";
const namePattern = /^checkpoint-(\d{16})$/;
/** The newest, and the one before in case the newest is found damaged. */
const kept = 2;

export interface DamagedCheckpoint {
  readonly name: string;
  readonly reason: string;
}

/** Calls `begin`, then `take` for each item, for the newest checkpoint that verifies. */
export function loadCheckpoint(
  storage: CheckpointStorage,
  load: { begin(): void; take(item: SnapshotItem): void },
  crc32?: Crc32,
): { head: Head | undefined; damaged: DamagedCheckpoint[] } {
  const damaged: DamagedCheckpoint[] = [];
  for (const name of checkpointNames(storage).reverse()) {
    load.begin();
    try {
      return { head: readCheckpoint(storage.readAll(name), load.take, crc32), damaged };
    } catch (error) {
      if (!(error instanceof SnapshotDamaged)) throw error;
      damaged.push({ name, reason: error.message });
    }
  }
  load.begin();
  return { head: undefined, damaged };
}

/** Writes one chunk per callback: no step is long, and the loop runs in between. */
export function writeCheckpoint(
  storage: CheckpointStorage,
  chunks: Pick<SnapshotReader, "next" | "close">,
  done: (error: Error | undefined) => void,
): void {
  let offset = 0;
  const finish = (error: Error | undefined): void => {
    chunks.close();
    done(error);
  };
  attempt(finish, () => {
    const file = storage.open(unfinishedName, { create: true });
    const fail = (error: Error): void => {
      file.close();
      finish(error);
    };
    const writeNext = (): void =>
      attempt(fail, () => {
        const chunk = chunks.next();
        if (chunk === undefined) {
          file.sync((error) => {
            if (error !== undefined) return fail(error);
            file.close();
            publish(storage, finish);
          });
          return;
        }
        const length = new Uint8Array(4);
        new DataView(length.buffer).setUint32(0, chunk.length);
        const at = offset;
        // Before the write: a disk may call back before it returns.
        offset += length.length + chunk.length;
        file.write(at, [length, chunk], (error) => {
          if (error !== undefined) return fail(error);
          writeNext();
        });
      });
    file.truncateNow(0);
    writeNext();
  });
}

function publish(storage: CheckpointStorage, done: (error: Error | undefined) => void): void {
  attempt(done, () => {
    const names = checkpointNames(storage);
    const newest = names[names.length - 1];
    const number = newest === undefined ? 1 : Number(namePattern.exec(newest)![1]) + 1;
    storage.rename(unfinishedName, `checkpoint-${String(number).padStart(16, "0")}`);
    storage.syncDirectory((error) => {
      if (error !== undefined) return done(error);
      // Only now: before the sync a crash may still bring the old names back.
      attempt(done, () => {
        for (const old of names.slice(0, Math.max(0, names.length + 1 - kept))) storage.remove(old);
        done(undefined);
      });
    });
  });
}

function readCheckpoint(
  bytes: Uint8Array,
  take: (item: SnapshotItem) => void,
  crc32: Crc32 | undefined,
): Head {
  const assembler = new SnapshotAssembler(take, crc32);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.length) {
    if (at + 4 > bytes.length) throw new SnapshotDamaged("the checkpoint is cut short");
    const length = view.getUint32(at);
    at += 4;
    if (at + length > bytes.length) throw new SnapshotDamaged("the checkpoint is cut short");
    assembler.write(bytes.subarray(at, at + length));
    at += length;
  }
  return assembler.finish();
}

function checkpointNames(storage: CheckpointStorage): string[] {
  return storage
    .list()
    .filter((name) => namePattern.test(name))
    .sort();
}

/** A storage may refuse by throwing where it has no callback. */
function attempt(fail: (error: Error) => void, run: () => void): void {
  try {
    run();
  } catch (error) {
    fail(error instanceof Error ? error : new Error(String(error)));
  }
}
