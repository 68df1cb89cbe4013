// A member of a new cluster, made from a snapshot: its store, a log that begins where the store stands,
// and an identity that tells from which snapshot it came. Every member is made from the same file. The
// directory becomes a data directory by the last step, so that no half of one is ever started.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { encodeMembership, membershipOf } from "@althing/consensus";
import { openLog } from "@althing/log";
import {
  createMemoryEngine,
  openStore,
  SnapshotDamaged,
  SnapshotRefounder,
  type SnapshotSummary,
  type StorePoint,
  summarizeSnapshot,
} from "@althing/store";
import { openDiskEngine } from "@althing/store/disk";
import type { Config } from "./config/config.ts";
import { createDataDirectory, DataDirectoryError, type UnfinishedDirectory } from "./disk/index.ts";
import { restoredClusterId } from "./identity/member-id.ts";
import { foundIdentity, type MemberIdentity } from "./identity/member-identity.ts";
import { requireEngine } from "./member-parts.ts";
import { openSnapshotFile, type SnapshotFile, SnapshotFileError } from "./snapshot-file.ts";

export type Progress = (done: number, all: number) => void;

export interface SnapshotStatus extends SnapshotSummary {
  /** Of the file's content, in hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
}

/** Verifies all of it. Throws SnapshotFileError. */
export function readSnapshotStatus(path: string, tell?: Progress): SnapshotStatus {
  const file = openSnapshotFile(path);
  try {
    const sha256 = Buffer.from(file.verify(tell)).toString("hex");
    const summary = orDamaged(path, () => summarizeSnapshot(() => file.next(), crc32));
    return { ...summary, sha256, bytes: file.bytes };
  } finally {
    file.close();
  }
}

export interface RestoreOptions {
  readonly path: string;
  /** The data directory, the engine, the protocol and the members of the new cluster. */
  readonly config: Config;
  readonly revisionsSkipped?: number;
  readonly compacted?: boolean;
  readonly skipHashCheck?: boolean;
  readonly tell?: Progress;
}

export interface Restored extends SnapshotSummary {
  readonly identity: MemberIdentity;
}

/**
 * Throws SnapshotFileError for a damaged file, before anything is made, and DataDirectoryError for a
 * directory that is not empty.
 */
export async function restoreSnapshot(options: RestoreOptions): Promise<Restored> {
  requireEngine(options.config);
  const file = openSnapshotFile(options.path);
  try {
    const digest = options.skipHashCheck ? file.digest() : file.verify(options.tell);
    const directory = createDataDirectory(options.config.dataDir);
    try {
      const restored = await restoreInto(directory, file, digest, options);
      directory.finish();
      return restored;
    } catch (error) {
      discard(directory);
      throw error;
    } finally {
      directory.close();
    }
  } finally {
    file.close();
  }
}

async function restoreInto(
  directory: UnfinishedDirectory,
  file: SnapshotFile,
  digest: Uint8Array,
  options: RestoreOptions,
): Promise<Restored> {
  const { config, revisionsSkipped = 0, compacted = false } = options;
  const founded = foundIdentity(config);
  const members = founded.foundingMembers.map(({ id }) => id);
  const terms = founded.paxosQuorums === undefined ? "" : ` ${founded.paxosQuorums}`;
  const beginning = `${Buffer.from(digest).toString("hex")} ${revisionsSkipped} ${compacted}${terms}`;
  const clusterId = restoredClusterId(members, beginning);
  const identity: MemberIdentity = {
    ...founded,
    clusterId,
    restored: true,
    // From the same file some of them can be made again, beside those that have gone on from it.
    ...(members.length > 1 ? { founding: true } : {}),
  };
  // The one entry that all logs of the new cluster agree about, whatever the protocol.
  const meta = encodeMembership(membershipOf(members));
  const point: StorePoint = { index: 1, epoch: 1, proposer: "", meta };

  const refounder = new SnapshotRefounder({ point, revisionsSkipped, compacted, crc32 });
  const summary = await fillStore(directory, config.engine, refounder, file, options);
  const log = openLog(directory.disk, { base: point, crc32 });
  await new Promise<void>((resolve) => log.close(resolve));
  directory.writeIdentity({ ...identity });
  return { ...summary, identity };
}

async function fillStore(
  directory: UnfinishedDirectory,
  kind: Config["engine"],
  refounder: SnapshotRefounder,
  file: SnapshotFile,
  { path, tell }: RestoreOptions,
): Promise<SnapshotSummary> {
  const engine =
    kind === "memory"
      ? createMemoryEngine({ storage: directory.disk, crc32 })
      : openDiskEngine({ directory: directory.storePath });
  const store = openStore({ engine, crc32 });
  const writer = store.beginRestore();
  try {
    let read = 0;
    const summary = orDamaged(path, () => {
      for (let chunk = file.next(); chunk !== undefined; chunk = file.next()) {
        for (const refounded of refounder.write(chunk)) writer.write(refounded);
        read += chunk.length;
        tell?.(read, file.bytes);
      }
      const { chunks, summary } = refounder.finish();
      for (const chunk of chunks) writer.write(chunk);
      return summary;
    });
    writer.finish();
    await new Promise<void>((resolve, reject) => {
      writer.install((error) => (error === undefined ? resolve() : reject(error)));
    }).catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      const message = `${directory.path} could not be written: ${why}. Is its disk full?`;
      throw new DataDirectoryError("unusable", directory.path, message, { cause });
    });
    return summary;
  } catch (error) {
    writer.abort();
    throw error;
  } finally {
    await new Promise<void>((resolve) => store.close(resolve));
  }
}

/** What was begun is taken away, so that the directory may be used for the next attempt. */
function discard(directory: UnfinishedDirectory): void {
  for (const name of ["identity.json", "log", "store"]) {
    rmSync(join(directory.path, name), { recursive: true, force: true });
  }
}

function orDamaged<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof SnapshotDamaged)) throw cause;
    throw new SnapshotFileError(path, cause.message, { cause });
  }
}
