// What one commit puts on the disk, made before it: a batch, in blocks, and what is written anew with it. One revision
// may have millions of records, so it is made in many turns; the commit is one. Until that is heard of, what
// the disk holds, where, and of that what is dead stay as they are.

import type { Head } from "../engine/port.ts";
import type { Arena } from "../memory/arena.ts";
import { BlockBuilder, eachLiveRecord, type MadeBlock, type RemovalList } from "./block.ts";
import {
  bytesOfRemovals,
  type Environment,
  type RemovalBytes,
  type ReplacedBlock,
} from "./environment.ts";
import type { Place } from "./packing.ts";
import { workOf } from "./turns.ts";
import type { Upkeep } from "./upkeep.ts";
import type { Batch, Removal } from "./write-behind.ts";

/** Of blocks, and of lists: to write one anew takes about ten microseconds. */
const rewritesMax = 256;
/** Neighbours that are packed together: in sixteen, one dead record of sixteen makes one block less. */
const neighboursMax = 16;
const neighbourBytesMax = 256 * 1024;
/** Of packed blocks: they stay in memory until the commit is heard of. */
const packedBytesMax = 2 * 1024 * 1024;

export interface DraftParts {
  readonly environment: Environment;
  /** Holds the records that follow `written`. */
  readonly arena: Arena;
  readonly upkeep: Upkeep;
  /** The head that the disk has. */
  readonly written: Head;
  /** From here on blocks are packed. Undefined: none are. */
  readonly packFrom: Place | undefined;
}

/** Blocks beside each other, and those that take their place. */
interface Replacement {
  readonly old: readonly ReplacedBlock[];
  readonly left: readonly MadeBlock[];
}

export class Draft {
  readonly batch: Batch;
  readonly #parts: DraftParts;
  readonly #listId: number;
  readonly #added: MadeBlock[] = [];
  readonly #replacements: Replacement[] = [];
  readonly #shortLists: [RemovalList, RemovalBytes][] = [];
  readonly #finishedLists: readonly RemovalList[];
  /** Where the next commit goes on. */
  #packedTo: Place | undefined;

  constructor(batch: Batch, listId: number, parts: DraftParts) {
    this.batch = batch;
    this.#listId = listId;
    this.#parts = parts;
    this.#finishedLists = [...parts.upkeep.finishedLists];
  }

  /** Yields what each piece of it took, as `inTurns` wants it: not much more than `pieceMax`. */
  *make(pieceMax: number): Generator<number> {
    yield* this.#makeBlocks(pieceMax);
    yield* this.#shortenBlocks();
    yield* this.#shortenLists();
    const { packFrom } = this.#parts;
    if (packFrom !== undefined) yield* this.#packBlocks(packFrom);
  }

  /** Within the commit. */
  put(): void {
    const { environment } = this.#parts;
    const { entries, removals, head } = this.batch;
    for (const added of this.#added) environment.putBlock(added);
    for (const { old, left } of this.#replacements) environment.replaceBlocks(old, left);
    for (const [list, left] of this.#shortLists) environment.putRemovals(list.id, left);
    for (const [table, key, value] of entries.values()) environment.putEntry(table, key, value);
    if (removals.length > 0) environment.putRemovals(this.#listId, bytesOfRemovals(removals));
    for (const finished of this.#finishedLists) environment.dropRemovals(finished.id);
    environment.putHead(head);
  }

  /** The disk has it. */
  taken(): void {
    const { environment, upkeep, packFrom } = this.#parts;
    const { blocks } = environment;
    if (packFrom !== undefined) upkeep.packing.reached(this.#packedTo);
    for (const { block } of this.#added) blocks.push(block);
    for (const finished of this.#finishedLists) upkeep.finishedLists.delete(finished);
    for (const [list, left] of this.#shortLists) {
      list.written = left.count;
      upkeep.sparseLists.delete(list);
    }
    for (const { old, left } of this.#replacements) {
      const replaced = old.map(({ block }) => block);
      const shortened = blocks.replace(
        replaced,
        left.map(({ block }) => block),
      );
      for (const block of replaced) upkeep.sparse.delete(block);
      for (const list of shortened) upkeep.shortened(list);
    }
    const { removals } = this.batch;
    const list: RemovalList = { id: this.#listId, remaining: 0, written: removals.length };
    for (const { main, sub } of removals) {
      const sparse = blocks.markDead(main, sub, list);
      if (sparse !== undefined) upkeep.sparse.add(sparse);
    }
  }

  *#makeBlocks(pieceMax: number): Generator<number> {
    const { arena, written } = this.#parts;
    const last = this.batch.head.revision;
    const builder = new BlockBuilder();
    let from: Removal | undefined = { main: written.revision + 1, sub: 0 };
    while (from !== undefined) {
      const { main, sub }: Removal = from;
      let work = 0;
      from = undefined;
      arena.scan(main, sub, (recordMain, recordSub, _handle, record) => {
        if (recordMain > last) return false;
        if (work >= pieceMax) {
          from = { main: recordMain, sub: recordSub };
          return false;
        }
        work += workOf(record.length);
        if (builder.isFullFor(record)) this.#added.push(builder.take());
        builder.add(recordMain, recordSub, record);
        return true;
      });
      yield work;
    }
    if (builder.count > 0) this.#added.push(builder.take());
  }

  /** Each by itself. */
  *#shortenBlocks(): Generator<number> {
    const { environment, upkeep } = this.#parts;
    for (const block of upkeep.sparse) {
      if (this.#replacements.length === rewritesMax) return;
      const bytes = environment.copyBlock(block);
      const builder = new BlockBuilder();
      eachLiveRecord(block, bytes, (main, sub, record) => {
        builder.add(main, sub, record);
        return true;
      });
      const left = builder.count === 0 ? [] : [builder.take()];
      this.#replacements.push({ old: [{ block, bytes }], left });
      yield block.count + workOf(bytes.length);
    }
  }

  *#shortenLists(): Generator<number> {
    const { environment, upkeep } = this.#parts;
    for (const list of upkeep.sparseLists) {
      if (this.#shortLists.length === rewritesMax) return;
      this.#shortLists.push([list, environment.removalsLeft(list)]);
      yield list.written;
    }
  }

  *#packBlocks({ main, sub }: Place): Generator<number> {
    const { environment } = this.#parts;
    let neighbours: ReplacedBlock[] = [];
    let neighbourBytes = 0;
    let packedBytes = 0;
    for (const block of environment.blocks.from(main, sub)) {
      if (neighbours.length === 0) {
        if (packedBytes >= packedBytesMax) {
          this.#packedTo = block;
          return;
        }
        if (block.dead === undefined) {
          yield 1;
          continue;
        }
      }
      const bytes = environment.copyBlock(block);
      neighbours.push({ block, bytes });
      neighbourBytes += bytes.length;
      if (neighbours.length === neighboursMax || neighbourBytes >= neighbourBytesMax) {
        if (this.#pack(neighbours)) packedBytes += neighbourBytes;
        neighbours = [];
        neighbourBytes = 0;
      }
      yield block.count + workOf(bytes.length);
    }
    if (neighbours.length > 0) this.#pack(neighbours);
  }

  /** False: they would be as many as before, and are left alone. */
  #pack(old: readonly ReplacedBlock[]): boolean {
    const builder = new BlockBuilder();
    const left: MadeBlock[] = [];
    for (const { block, bytes } of old) {
      eachLiveRecord(block, bytes, (main, sub, record) => {
        if (builder.isFullFor(record)) left.push(builder.take());
        builder.add(main, sub, record);
        return true;
      });
    }
    if (builder.count > 0) left.push(builder.take());
    if (left.length >= old.length) return false;
    this.#replacements.push({ old, left });
    return true;
  }
}
