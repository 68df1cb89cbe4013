// The lock on a data directory: two processes must never write the same log. It is a lock of the
// kernel (fcntl, taken through SQLite, because Node offers none itself), so kill -9 releases it and
// containers and network namespaces that share the directory share the lock. SQLite also refuses a
// second holder within one process, which bare fcntl locks would not. A file beside it says who
// holds it; that file is for people and never decides.

import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { DataDirectoryError } from "./data-directory-error.ts";

export interface DirectoryLock {
  release(): void;
}

const lockName = "lock";
const holderName = "lock-holder.json";
const sqliteBusy = 5;
/** Nothing else may keep a lock's handle: collected as garbage, it would release the lock. */
const heldLocks = new Set<DatabaseSync>();

export function lockDataDirectory(directory: string): DirectoryLock {
  let database: DatabaseSync | undefined;
  try {
    const { DatabaseSync } = loadSqlite();
    const path = join(directory, lockName);
    // SQLite would let everybody read it. One that is there is not touched: to close it ends its locks.
    if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
    database = new DatabaseSync(path, { timeout: 0 });
    // The transaction stays open for as long as the lock is held; nothing is ever written in it.
    database.exec("PRAGMA journal_mode=MEMORY; PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    if (database?.isOpen === true) database.close();
    if (isBusy(error)) {
      const message = `${directory} is in use by ${describeHolder(directory)}. Stop it, or give this member a data directory of its own.`;
      throw new DataDirectoryError("locked", directory, message, { cause: error });
    }
    const message = `${directory} could not be locked: ${String(error)}`;
    throw new DataDirectoryError("unusable", directory, message, { cause: error });
  }
  const held = database;
  heldLocks.add(held);
  const holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  try {
    writeFileSync(join(directory, holderName), `${JSON.stringify(holder)}\n`, {
      mode: 0o600,
    });
  } catch {
    // Only people read it: a full disk must not keep a member from starting to make room.
  }
  return {
    release: () => {
      if (heldLocks.delete(held)) held.close();
    },
  };
}

function describeHolder(directory: string): string {
  try {
    const holder: unknown = JSON.parse(readFileSync(join(directory, holderName), "utf8"));
    if (typeof holder === "object" && holder !== null) {
      const { pid, host, since } = holder as Record<string, unknown>;
      return `process ${pid} on ${host}, since ${since}`;
    }
  } catch {
    // The holder is just starting, or could not write it.
  }
  return "another process";
}

function isBusy(error: unknown): boolean {
  if (!(error instanceof Error) || !("errcode" in error)) return false;
  return (Number(error.errcode) & 255) === sqliteBusy;
}

/** Node 22 warns that SQLite is experimental; what is used of it here is not. */
function loadSqlite(): typeof import("node:sqlite") {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule("node:sqlite");
  } finally {
    process.emitWarning = emitWarning;
  }
}
