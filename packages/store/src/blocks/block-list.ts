// Which blocks there are, in revision order: finds the block of a record without asking LMDB.

import { type Block, type RemovalList, recordName } from "./block.ts";

export class BlockList {
  #blocks: Block[] = [];
  #empty = 0;

  get length(): number {
    return this.#blocks.length - this.#empty;
  }

  /** Later than all others. */
  push(block: Block): void {
    this.#blocks.push(block);
  }

  /** The block that holds (main, sub) if any does. */
  find(main: number, sub: number): Block | undefined {
    const place = this.#lastAtOrBefore(main, sub);
    return place < 0 ? undefined : this.#blocks[place];
  }

  /** Blocks that may hold records at or after (main, sub). */
  *from(main: number, sub: number): Generator<Block> {
    const blocks = this.#blocks;
    for (let i = Math.max(this.#lastAtOrBefore(main, sub), 0); i < blocks.length; i++) {
      if (blocks[i]!.count > 0) yield blocks[i]!;
    }
  }

  /** Returns the block when it has become worth rewriting. */
  markDead(main: number, sub: number, list: RemovalList): Block | undefined {
    const block = this.find(main, sub);
    if (block === undefined || block.count === 0) return undefined;
    block.dead ??= new Map();
    block.dead.set(recordName(main, sub), list);
    list.remaining++;
    return block.dead.size * 2 > block.count ? block : undefined;
  }

  /** Whether the record is still there, and this list is what says that it is removed. */
  isDead(main: number, sub: number, list: RemovalList): boolean {
    return this.find(main, sub)?.dead?.get(recordName(main, sub)) === list;
  }

  /** The block has been rewritten with so many records left. Returns the lists that have lost some. */
  rewritten(block: Block, count: number): Set<RemovalList> {
    const lists = new Set(block.dead?.values());
    for (const list of block.dead?.values() ?? []) list.remaining--;
    block.count = count;
    block.dead = undefined;
    if (count > 0) return lists;
    this.#empty++;
    if (this.#empty * 2 >= this.#blocks.length) {
      this.#blocks = this.#blocks.filter((kept) => kept.count > 0);
      this.#empty = 0;
    }
    return lists;
  }

  #lastAtOrBefore(main: number, sub: number): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const block = this.#blocks[middle]!;
      if (block.main < main || (block.main === main && block.sub <= sub)) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
