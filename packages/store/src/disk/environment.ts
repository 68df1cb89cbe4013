// One LMDB environment: blocks of records under their first revision, tables and head beside them.
// What belongs together is written in one transaction, on lmdb's own thread.

import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { ByteReader } from "../bytes/byte-reader.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import type { Key } from "../contract.ts";
import type { Head, LoadVisitor, RecordVisitor } from "../engine/port.ts";
import { readHead, writeHead } from "../snapshot/format.ts";
import {
  type Block,
  BlockBuilder,
  eachRecord,
  eachRecordPlace,
  findRecord,
  type RemovalList,
  recordName,
} from "./block.ts";
import { BlockList } from "./block-list.ts";
import type { Removal } from "./write-behind.ts";
import { causeOf } from "./write-errors.ts";

/** The handle of a record that must be read by its revision. */
export const noHandle = -1;

const nothing = new Uint8Array(0);
const headKey = Buffer.from("head");
const blockKeyBytes = 12;
const removalBytes = 12;
const ownPages = 8;

/** LMDB would let everybody read them. Those that are there are not touched: to close one ends its locks. */
function createPrivately(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  for (const name of ["data.mdb", "lock.mdb"]) {
    const file = join(path, name);
    if (!existsSync(file)) closeSync(openSync(file, "a", 0o600));
  }
}

export type BinaryDatabase = Database<Buffer, Buffer>;

export class Environment {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly blocks = new BlockList();
  readonly #records: BinaryDatabase;
  readonly #tables: BinaryDatabase;
  readonly #removals: BinaryDatabase;
  readonly #head: BinaryDatabase;
  // The block read last, because a range often wants its neighbours.
  #lastBlock: Block | undefined;
  #lastBytes = new Uint8Array(0);
  #lastLength = 0;
  /** Settles, always well, when all writes until now are known to be taken or not. */
  #lastWrite: Promise<unknown> = Promise.resolve();
  /** Of the first write that was not taken. */
  #failure: unknown;

  constructor(path: string) {
    createPrivately(path);
    this.root = open<Buffer, Buffer>({
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
    const options = { encoding: "binary", keyEncoding: "binary", cache: false } as const;
    this.#records = this.root.openDB({ name: "records", ...options });
    this.#tables = this.root.openDB({ name: "tables", ...options });
    this.#removals = this.root.openDB({ name: "removals", ...options });
    this.#head = this.root.openDB({ name: "head", ...options });
  }

  /** Visits every record that was not removed, and learns where the blocks are. Once, at start. */
  load(visit: LoadVisitor): LoadedBlocks {
    const removed = new Map<number | string, RemovalList>();
    const lists = this.#readRemovals(removed);
    const sparse: Block[] = [];
    for (const key of this.#records.getKeys({})) {
      const main = key.readUInt32BE(0) * 2 ** 32 + key.readUInt32BE(4);
      const block: Block = { main, sub: key.readUInt32BE(8), count: 0, dead: undefined };
      this.blocks.push(block);
      const bytes = this.#readBlock(block);
      eachRecordPlace(bytes, (recordMain, recordSub, start, end) => {
        block.count++;
        if (removed.size > 0) {
          const list = removed.get(recordName(recordMain, recordSub));
          if (list !== undefined) {
            block.dead ??= new Map();
            block.dead.set(recordName(recordMain, recordSub), list);
            list.remaining++;
            return true;
          }
        }
        visit(recordMain, recordSub, noHandle, bytes, start, end);
        return true;
      });
      if (block.dead !== undefined && block.dead.size * 2 > block.count) sparse.push(block);
    }
    return { sparse, lists };
  }

  readHead(): Head | undefined {
    const bytes = this.#head.getBinary(headKey);
    return bytes === undefined ? undefined : readHead(new ByteReader(bytes));
  }

  putHead(head: Head): void {
    const out = new ByteWriter();
    writeHead(out, head);
    this.#settle(this.#head.put(headKey, asBuffer(out.copy())));
  }

  putBlock(block: Block, bytes: Uint8Array): void {
    this.#settle(this.#records.put(blockKey(block), asBuffer(bytes)));
  }

  /** Writes the block without its dead records. Returns how many are left. */
  rewriteBlock(block: Block): number {
    const builder = new BlockBuilder();
    eachRecord(this.#readBlock(block), (main, sub, record) => {
      if (!block.dead?.has(recordName(main, sub))) builder.add(main, sub, record);
      return true;
    });
    const { count } = builder;
    this.#lastBlock = undefined;
    if (count === 0) this.#settle(this.#records.remove(blockKey(block)));
    else this.putBlock(block, builder.take().bytes);
    return count;
  }

  putRemovals(id: number, removals: readonly Removal[]): void {
    const bytes = Buffer.alloc(removals.length * removalBytes);
    removals.forEach(({ main, sub }, i) => {
      bytes.writeDoubleBE(main, i * removalBytes);
      bytes.writeUInt32BE(sub, i * removalBytes + 8);
    });
    this.#settle(this.#removals.put(listKey(id), bytes));
  }

  dropRemovals(id: number): void {
    this.#settle(this.#removals.remove(listKey(id)));
  }

  /** `undefined` removes. */
  putEntry(table: string, key: Key, value: Uint8Array | undefined): void {
    const name = Buffer.from(`${table}\0${key}`, "utf8");
    if (value === undefined) this.#settle(this.#tables.remove(name));
    else this.#settle(this.#tables.put(name, asBuffer(value)));
  }

  entries(): [table: string, key: Key, value: Uint8Array][] {
    const entries: [string, Key, Uint8Array][] = [];
    for (const { key, value } of this.#tables.getRange({})) {
      const name = key.toString("utf8");
      const split = name.indexOf("\0");
      entries.push([name.slice(0, split), name.slice(split + 1), Uint8Array.from(value)]);
    }
    return entries;
  }

  /** A copy. */
  readRecord(main: number, sub: number): Uint8Array | undefined {
    const block = this.blocks.find(main, sub);
    return block === undefined ? undefined : findRecord(this.#readBlock(block), main, sub)?.slice();
  }

  scan(main: number, sub: number, visit: RecordVisitor): void {
    for (const block of this.blocks.from(main, sub)) {
      // A copy: the visitor may read other records, and keep views of this one.
      const bytes = this.#readBlock(block).slice();
      const goesOn = eachRecord(bytes, (recordMain, recordSub, record) => {
        if (recordMain < main || (recordMain === main && recordSub < sub)) return true;
        if (block.dead?.has(recordName(recordMain, recordSub))) return true;
        return visit(recordMain, recordSub, noHandle, record);
      });
      if (!goesOn) return;
    }
  }

  /** What was committed since may be read. */
  renew(): void {
    this.root.resetReadTxn();
    this.#lastBlock = undefined;
  }

  /** Of the pages of the file, those that hold data. Cheap enough for a status request. */
  usedBytes(): number {
    const stats = this.root.getStats() as unknown as PageStats;
    let pages = 0;
    // The page of the head, and what LMDB keeps its books in, are there from the start.
    for (const database of [this.#records, this.#tables, this.#removals]) {
      const { treeBranchPageCount, treeLeafPageCount, overflowPages } =
        database.getStats() as unknown as PageStats;
      pages += treeBranchPageCount + treeLeafPageCount + overflowPages;
    }
    return (pages + ownPages) * stats.pageSize;
  }

  /** Rejects when any write since this was opened was not taken: those after it may have been. */
  async allTaken(): Promise<void> {
    await this.#lastWrite;
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): Promise<void> {
    return this.root.close();
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

  #readRemovals(removed: Map<number | string, RemovalList>): RemovalList[] {
    const lists: RemovalList[] = [];
    for (const { key, value } of this.#removals.getRange({})) {
      const list: RemovalList = { id: key.readDoubleBE(0), remaining: 0 };
      lists.push(list);
      for (let at = 0; at < value.length; at += removalBytes) {
        removed.set(recordName(value.readDoubleBE(at), value.readUInt32BE(at + 8)), list);
      }
    }
    return lists;
  }

  /** Valid until the next call. */
  #readBlock(block: Block): Uint8Array {
    if (this.#lastBlock !== block) {
      const bytes = this.#records.getBinaryFast(blockKey(block));
      if (bytes === undefined) {
        // Its removal is on the disk, and this thread is yet to hear of it.
        if (block.dead?.size === block.count) return nothing;
        throw new Error(`block ${block.main}.${block.sub} is missing`);
      }
      if (bytes.length > this.#lastBytes.length) this.#lastBytes = new Uint8Array(bytes.length);
      this.#lastBytes.set(bytes.subarray(0, bytes.length));
      this.#lastLength = bytes.length;
      this.#lastBlock = block;
    }
    return this.#lastBytes.subarray(0, this.#lastLength);
  }
}

export interface LoadedBlocks {
  readonly sparse: readonly Block[];
  /** In the order of their ids. */
  readonly lists: readonly RemovalList[];
}

interface PageStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

function blockKey(block: Block): Buffer {
  const key = Buffer.allocUnsafe(blockKeyBytes);
  key.writeUInt32BE(Math.floor(block.main / 2 ** 32), 0);
  key.writeUInt32BE(block.main % 2 ** 32, 4);
  key.writeUInt32BE(block.sub, 8);
  return key;
}

function listKey(id: number): Buffer {
  const key = Buffer.alloc(8);
  key.writeDoubleBE(id);
  return key;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
