// The layout of a member's data directory, locked for as long as it is open:
//   format.json    the version of this layout        identity.json  who this member is, and its key
//   introductions.json  what other members signed for it
//   use.json       that it is a state machine's of somebody's own; a key-value member has none
//   log/           the write-ahead log and checkpoints (a flat `Disk`)
//   store/         the disk engine's own files       lock, lock-holder.json
//   fixtures/      certificates that the member made for itself, where it was asked to
// Both JSON files are only ever replaced whole: temporary file, sync, rename, sync of the directory.

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Disk } from "@althing/log";
import { DataDirectoryError } from "./data-directory-error.ts";
import { lockDataDirectory } from "./directory-lock.ts";
import { type NodeDiskOptions, openNodeDisk, syncDirectoryOf } from "./node-disk.ts";
import { keepPrivate } from "./private-files.ts";

export { DataDirectoryError, type DataDirectoryErrorCode } from "./data-directory-error.ts";

export interface DataDirectory {
  readonly path: string;
  /** What its operator should know and nothing fails for. */
  readonly warnings: readonly string[];
  /** For the log and the memory engine's checkpoints. */
  readonly disk: Disk;
  /** Exists; for the disk engine. */
  readonly storePath: string;
  /** What `writeIdentity` was last given; undefined in a new directory. */
  readIdentity(): Readonly<Record<string, unknown>> | undefined;
  /** Durable when it returns. */
  writeIdentity(identity: Readonly<Record<string, unknown>>): void;
  /** A small JSON file beside them, replaced whole; undefined when it is not there or does not read. */
  readNote(name: string): unknown;
  writeNote(name: string, value: object): void;
  /** Releases the lock. The log must be closed before. */
  close(): void;
}

export interface UnfinishedDirectory extends DataDirectory {
  /** From here on it is a data directory. Durable when it returns. */
  finish(): void;
}

const layoutVersion = 1;
/** What a new directory may hold already: the lock, and what a first start left when it died. */
const ownNames = /^(lock|lock-holder\.json|lost\+found|.*\.json\.new)$/;

export function openDataDirectory(path: string, options: NodeDiskOptions = {}): DataDirectory {
  const root = resolve(path);
  const logPath = join(root, "log");
  const storePath = join(root, "store");
  const identityPath = join(root, "identity.json");
  orUnusable(root, () => createDirectory(root));
  // What belongs to others is left without even a lock. Ours begin with one, so that no start is mistaken.
  if (!existsSync(join(root, "lock"))) refuseForeign(root);
  const lock = lockDataDirectory(root);
  let warnings: readonly string[];
  try {
    checkFormat(root);
    warnings = orUnusable(root, () => {
      createDirectory(logPath);
      createDirectory(storePath);
      return keepPrivate(root);
    });
  } catch (error) {
    lock.release();
    throw error;
  }
  return {
    path: root,
    warnings,
    disk: openNodeDisk(logPath, options),
    storePath,
    readIdentity: () => readJson(identityPath),
    writeIdentity: (identity) => orUnusable(root, () => replaceJson(identityPath, identity)),
    readNote: (name) => readNote(join(root, name)),
    writeNote: (name, value) => orUnusable(root, () => replaceJson(join(root, name), value)),
    close: () => lock.release(),
  };
}

/**
 * A new data directory that becomes one when everything is in it. Before that it has no format, and so
 * no member starts from it, whatever happens on the way.
 */
export function createDataDirectory(path: string): UnfinishedDirectory {
  const root = resolve(path);
  orUnusable(root, () => createDirectory(root));
  // What is refused keeps no lock of ours; one that is there may be held, which is the better reason.
  if (!existsSync(join(root, "lock"))) refuseNotEmpty(root);
  const lock = lockDataDirectory(root);
  const paths = { log: join(root, "log"), store: join(root, "store") };
  try {
    refuseNotEmpty(root);
    orUnusable(root, () => {
      createDirectory(paths.log);
      createDirectory(paths.store);
    });
  } catch (error) {
    lock.release();
    throw error;
  }
  const identityPath = join(root, "identity.json");
  return {
    path: root,
    warnings: [],
    disk: openNodeDisk(paths.log),
    storePath: paths.store,
    readIdentity: () => readJson(identityPath),
    writeIdentity: (identity) => orUnusable(root, () => replaceJson(identityPath, identity)),
    readNote: (name) => readNote(join(root, name)),
    writeNote: (name, value) => orUnusable(root, () => replaceJson(join(root, name), value)),
    finish: () =>
      orUnusable(root, () => replaceJson(join(root, "format.json"), { layout: layoutVersion })),
    close: () => lock.release(),
  };
}

function refuseNotEmpty(root: string): void {
  const held = orUnusable(root, () => readdirSync(root)).find((name) => !ownNames.test(name));
  if (held === undefined) return;
  const message = `${root} is not empty (it holds ${held}). Choose another directory; one that a restore left unfinished may be emptied.`;
  throw new DataDirectoryError("notEmpty", root, message);
}

/** A directory without a format is new, and then it has to be empty. */
function checkFormat(root: string): void {
  const path = join(root, "format.json");
  const format = readJson(path);
  if (format === undefined) {
    refuseForeign(root);
    orUnusable(root, () => replaceJson(path, { layout: layoutVersion }));
  } else if (format["layout"] !== layoutVersion) {
    const message = `${path} names layout ${String(format["layout"])}; this program knows layout ${layoutVersion}. Start the version that wrote it, or a newer one.`;
    throw new DataDirectoryError("formatUnknown", path, message);
  }
}

function refuseForeign(root: string): void {
  const held = orUnusable(root, () => readdirSync(root));
  const foreign = held.find((name) => !ownNames.test(name));
  if (foreign === undefined || held.includes("format.json")) return;
  const message = `${root} is not empty and is no data directory of Althing (it holds ${foreign}). Choose another directory.`;
  throw new DataDirectoryError("formatUnknown", root, message);
}

/**
 * Created directories are durable, so that what is synced in them can be found after a crash. One by
 * one: Node's own `recursive` never ends where a parent is there and yet nothing can be made in it.
 */
function createDirectory(path: string): void {
  if (existsSync(path) && statSync(path).isDirectory()) return;
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) createDirectory(parent);
  mkdirSync(path, { mode: 0o700 });
  syncDirectoryOf(parent);
}

function readNote(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function readJson(path: string): Readonly<Record<string, unknown>> | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new DataDirectoryError("unusable", path, `${path} could not be read`, { cause: error });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch {
    // Said below.
  }
  const message = `${path} is damaged. Remove this member from the cluster and add it again with an empty data directory.`;
  throw new DataDirectoryError("damaged", path, message);
}

function replaceJson(path: string, value: object): void {
  const temporary = `${path}.new`;
  const fd = openSync(temporary, "w", 0o600);
  try {
    writeFileSync(fd, `${JSON.stringify(value, undefined, 2)}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
  syncDirectoryOf(dirname(path));
}

function orUnusable<T>(root: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const message = `${root} cannot be used as a data directory: ${error instanceof Error ? error.message : String(error)}`;
    throw new DataDirectoryError("unusable", root, message, { cause: error });
  }
}
