// One state on the disk: blocks of records under their first revision, tables, lists of removals and the head
// beside them, as bytes in a space. What belongs together is written in one commit of it.

import { ByteReader, ByteWriter } from "@althing/bytes";
import type { Key } from "../contract.ts";
import type { Head, LoadVisitor, RecordVisitor } from "../engine/port.ts";
import { readHead, writeHead } from "../snapshot/format.ts";
import {
  type Block,
  eachLiveRecord,
  eachRecordPlace,
  findRecord,
  isSparse,
  type MadeBlock,
  type RemovalList,
  recordName,
} from "./block.ts";
import { BlockList } from "./block-list.ts";
import { bytesOfName, nameOfBytes } from "./entry-name.ts";
import type { Space } from "./ports.ts";
import type { Removal } from "./write-behind.ts";

/** The handle of a record that must be read by its revision. */
export const noHandle = -1;

const headKey = Uint8Array.from("head", (letter) => letter.charCodeAt(0));
const blockKeyBytes = 12;
const removalBytes = 12;

export class Environment {
  readonly space: Space;
  readonly blocks = new BlockList();
  // The block read last, because a range often wants its neighbours.
  #lastBlock: Block | undefined;
  #lastBytes = new Uint8Array(0);
  #lastLength = 0;
  /** By those that a commit under way puts in their place. */
  readonly #replaced = new Map<Block, Uint8Array>();
  /** For the key of a block that is looked up: a range looks up hundreds. */
  readonly #key = new Uint8Array(blockKeyBytes);
  readonly #keyView = viewOf(this.#key);

  constructor(space: Space) {
    this.space = space;
  }

  /** Visits every record that was not removed, and learns where the blocks are. Once, at start. */
  load(visit: LoadVisitor): LoadedBlocks {
    const removed = new Map<number | string, RemovalList>();
    const lists = this.#readRemovals(removed);
    const sparse: Block[] = [];
    for (const key of this.space.keys("records")) {
      const view = viewOf(key);
      const main = view.getUint32(0) * 2 ** 32 + view.getUint32(4);
      const block: Block = { main, sub: view.getUint32(8), count: 0, dead: undefined };
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
      if (isSparse(block)) sparse.push(block);
    }
    return { sparse, lists };
  }

  readHead(): Head | undefined {
    const bytes = this.space.get("head", headKey);
    return bytes === undefined ? undefined : readHead(new ByteReader(bytes));
  }

  putHead(head: Head): void {
    const out = new ByteWriter();
    writeHead(out, head);
    this.space.put("head", headKey, out.copy());
  }

  putBlock({ block, bytes }: MadeBlock): void {
    this.space.put("records", blockKey(block), bytes);
  }

  /**
   * Within a commit. Until it is heard of, readers of the old blocks find their bytes here, for the disk may
   * have the new ones already.
   */
  replaceBlocks(old: readonly ReplacedBlock[], left: readonly MadeBlock[]): void {
    const isPut = ({ main, sub }: Block) =>
      left.some(({ block }) => block.main === main && block.sub === sub);
    for (const { block, bytes } of old) {
      this.#replaced.set(block, bytes);
      if (!isPut(block)) this.space.remove("records", blockKey(block));
    }
    for (const made of left) this.putBlock(made);
  }

  /** The commit is heard of, or has failed. */
  forgetReplaced(): void {
    this.#replaced.clear();
  }

  copyBlock(block: Block): Uint8Array {
    return this.#readBlock(block).slice();
  }

  putRemovals(id: number, removals: RemovalBytes): void {
    this.space.put("removals", listKey(id), removals.bytes);
  }

  /** Of the list, those that are still there. */
  removalsLeft(list: RemovalList): RemovalBytes {
    const bytes = this.space.get("removals", listKey(list.id));
    // To forget one of them would bring a removed record back.
    if (bytes === undefined) throw new Error(`list ${list.id} of removed records is missing`);
    const isDead = ({ main, sub }: Removal) => this.blocks.isDead(main, sub, list);
    return bytesOfRemovals([...removalsIn(bytes)].filter(isDead));
  }

  dropRemovals(id: number): void {
    this.space.remove("removals", listKey(id));
  }

  /** `undefined` removes. */
  putEntry(table: string, key: Key, value: Uint8Array | undefined): void {
    const name = bytesOfName(`${table}\0${key}`);
    if (value === undefined) this.space.remove("tables", name);
    else this.space.put("tables", name, value);
  }

  entries(): [table: string, key: Key, value: Uint8Array][] {
    const entries: [string, Key, Uint8Array][] = [];
    for (const { key, value } of this.space.entries("tables")) {
      const name = nameOfBytes(key);
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
      const bytes = this.copyBlock(block);
      const goesOn = eachLiveRecord(block, bytes, (recordMain, recordSub, record) => {
        if (recordMain < main || (recordMain === main && recordSub < sub)) return true;
        return visit(recordMain, recordSub, noHandle, record);
      });
      if (!goesOn) return;
    }
  }

  /** What was committed since may be read. */
  renew(): void {
    this.space.renew();
    this.#lastBlock = undefined;
  }

  #readRemovals(removed: Map<number | string, RemovalList>): RemovalList[] {
    const lists: RemovalList[] = [];
    for (const { key, value } of this.space.entries("removals")) {
      const written = value.length / removalBytes;
      const list: RemovalList = { id: viewOf(key).getFloat64(0), remaining: 0, written };
      lists.push(list);
      for (const { main, sub } of removalsIn(value)) removed.set(recordName(main, sub), list);
    }
    return lists;
  }

  #lookUpKey(block: Block): Uint8Array {
    writeBlockKey(block, this.#keyView);
    return this.#key;
  }

  /** Valid until the next call. */
  #readBlock(block: Block): Uint8Array {
    if (this.#lastBlock !== block) {
      const replaced = this.#replaced.get(block);
      if (replaced !== undefined) return replaced;
      const bytes = this.space.get("records", this.#lookUpKey(block));
      if (bytes === undefined) throw new Error(`block ${block.main}.${block.sub} is missing`);
      if (bytes.length > this.#lastBytes.length) this.#lastBytes = new Uint8Array(bytes.length);
      this.#lastBytes.set(bytes);
      this.#lastLength = bytes.length;
      this.#lastBlock = block;
    }
    return this.#lastBytes.subarray(0, this.#lastLength);
  }
}

/** A block, and its bytes as they were. */
export type ReplacedBlock = MadeBlock;

export interface LoadedBlocks {
  readonly sparse: readonly Block[];
  /** In the order of their ids. */
  readonly lists: readonly RemovalList[];
}

/** A list of removals as the disk keeps it. */
export interface RemovalBytes {
  readonly count: number;
  readonly bytes: Uint8Array;
}

export function bytesOfRemovals(removals: readonly Removal[]): RemovalBytes {
  const bytes = new Uint8Array(removals.length * removalBytes);
  const view = viewOf(bytes);
  removals.forEach(({ main, sub }, i) => {
    view.setFloat64(i * removalBytes, main);
    view.setUint32(i * removalBytes + 8, sub);
  });
  return { count: removals.length, bytes };
}

function* removalsIn(bytes: Uint8Array): Generator<Removal> {
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length; at += removalBytes) {
    yield { main: view.getFloat64(at), sub: view.getUint32(at + 8) };
  }
}

function blockKey(block: Block): Uint8Array {
  const key = new Uint8Array(blockKeyBytes);
  writeBlockKey(block, viewOf(key));
  return key;
}

function writeBlockKey({ main, sub }: Block, view: DataView): void {
  view.setUint32(0, Math.floor(main / 2 ** 32));
  view.setUint32(4, main % 2 ** 32);
  view.setUint32(8, sub);
}

function listKey(id: number): Uint8Array {
  const key = new Uint8Array(8);
  viewOf(key).setFloat64(0, id);
  return key;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
