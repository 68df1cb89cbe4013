// A state in one LMDB environment. Commits are made on lmdb's own thread.

import { closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Database, RootDatabase } from "lmdb";
import type { Space, SpaceTable } from "../blocks/ports.ts";
import { lmdb } from "./lmdb.ts";
import { syncDirectory } from "./sync-directory.ts";

type BinaryDatabase = Database<Buffer, Buffer>;
type Done = (error: Error | undefined) => void;

/** The page of the head, and what LMDB keeps its books in. */
const ownPages = 8;

/** LMDB would let everybody read them. Those that are there are not touched: to close one ends its locks. */
function createPrivately(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const missing = ["data.mdb", "lock.mdb"].filter((name) => !existsSync(join(path, name)));
  if (missing.length === 0) return;
  for (const name of missing) closeSync(openSync(join(path, name), "a", 0o600));
  // LMDB syncs what it writes to them, and not that they are there.
  syncDirectory(path);
  syncDirectory(dirname(path));
}

export class LmdbSpace implements Space {
  readonly #path: string;
  readonly #root: RootDatabase<Buffer, Buffer>;
  readonly #tables: Readonly<Record<SpaceTable, BinaryDatabase>>;
  /** Settles, always well, when all writes until now are known to be taken or not. */
  #lastWrite: Promise<unknown> = Promise.resolve();
  /** Of the first write that was not taken. */
  #failure: unknown;

  constructor(path: string) {
    this.#path = path;
    createPrivately(path);
    this.#root = lmdb().open<Buffer, Buffer>({
      path,
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
      maxDbs: 5,
      // A commit is reported when it is on the disk, not before: `durable` rests on it.
      overlappingSync: false,
      // Batches are made here. Its own would reject, when one fails, a promise that nobody holds.
      eventTurnBatching: false,
    });
    const table = (name: SpaceTable) =>
      this.#root.openDB({ name, encoding: "binary", keyEncoding: "binary", cache: false } as const);
    this.#tables = {
      records: table("records"),
      tables: table("tables"),
      removals: table("removals"),
      head: table("head"),
    };
  }

  get(table: SpaceTable, key: Uint8Array): Uint8Array | undefined {
    // Any bytes will do for a key, whatever its type says: to make a Buffer of each would cost as much again.
    const bytes = this.#tables[table].getBinaryFast(key as Buffer);
    // Its buffer is longer than what it holds.
    return bytes?.subarray(0, bytes.length);
  }

  keys(table: SpaceTable): Iterable<Uint8Array> {
    return this.#tables[table].getKeys({});
  }

  entries(table: SpaceTable): Iterable<{ key: Uint8Array; value: Uint8Array }> {
    return this.#tables[table].getRange({});
  }

  put(table: SpaceTable, key: Uint8Array, value: Uint8Array): void {
    this.#settle(this.#tables[table].put(asBuffer(key), asBuffer(value)));
  }

  remove(table: SpaceTable, key: Uint8Array): void {
    this.#settle(this.#tables[table].remove(asBuffer(key)));
  }

  commit(write: () => void, done: Done): void {
    // What `write` itself throws is a failure of this commit as well.
    settled((async () => this.#root.batch(write))(), done);
  }

  /** After the first failure it stays one: what came later may have been taken. */
  taken(done: Done): void {
    const taken = this.#lastWrite.then(() => {
      if (this.#failure !== undefined) throw this.#failure;
    });
    settled(taken, done);
  }

  renew(): void {
    this.#root.resetReadTxn();
  }

  get bytes(): number {
    return statSync(join(this.#path, "data.mdb"), { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Of the pages of the file, those that hold data. Cheap enough for a status request. */
  get bytesInUse(): number {
    const stats = this.#root.getStats() as unknown as PageStats;
    let pages = ownPages;
    for (const table of ["records", "tables", "removals"] as const) {
      const { treeBranchPageCount, treeLeafPageCount, overflowPages } = this.#tables[
        table
      ].getStats() as unknown as PageStats;
      pages += treeBranchPageCount + treeLeafPageCount + overflowPages;
    }
    return pages * stats.pageSize;
  }

  close(done: Done): void {
    settled(this.#root.close(), done);
  }

  /**
   * A batch reports its failure as a whole; each write in it does, too, and with it a promise of the
   * cause, of which nobody else may hear.
   */
  #settle(written: Promise<boolean>): void {
    this.#lastWrite = written.catch((error: unknown) => {
      this.#failure ??= error;
      return causeOf(error);
    });
  }
}

interface PageStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

/** What the callback throws is nobody's to swallow. */
function settled(promise: Promise<unknown>, done: Done): void {
  promise.then(
    () => done(undefined),
    (error: unknown) => causeOf(error).then(done),
  );
}

/** lmdb rejects with an error that promises another one. */
async function causeOf(error: unknown): Promise<Error> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  try {
    await commitError;
  } catch (cause) {
    return asError(cause);
  }
  return asError(error);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
