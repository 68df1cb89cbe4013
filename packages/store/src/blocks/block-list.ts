// Which blocks there are, in revision order: finds the block of a record without asking LMDB.

import { type Block, isSparse, type RemovalList, recordName } from "./block.ts";

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
    const block = this.#blocks[this.#lastAtOrBefore(main, sub)];
    return block === undefined || block.count === 0 ? undefined : block;
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
    if (block === undefined) return undefined;
    block.dead ??= new Map();
    block.dead.set(recordName(main, sub), list);
    list.remaining++;
    return isSparse(block) ? block : undefined;
  }

  /** Whether the record is still there, and this list is what says that it is removed. */
  isDead(main: number, sub: number, list: RemovalList): boolean {
    return this.find(main, sub)?.dead?.get(recordName(main, sub)) === list;
  }

  /**
   * Blocks beside each other hold their dead records no longer: what was left of them is in these, not more of
   * them. Returns the lists that have lost some.
   */
  replace(old: readonly Block[], left: readonly Block[]): Set<RemovalList> {
    const lists = new Set<RemovalList>();
    for (const { dead } of old) {
      for (const list of dead?.values() ?? []) {
        list.remaining--;
        lists.add(list);
      }
    }
    const { main, sub } = old[0]!;
    const last = old[old.length - 1]!;
    const end = this.#lastAtOrBefore(last.main, last.sub) + 1;
    // Those without records come first: of two with the same key the later one is found.
    const place = end - left.length;
    this.#blocks.fill(
      { main, sub, count: 0, dead: undefined },
      this.#lastAtOrBefore(main, sub),
      place,
    );
    left.forEach((block, i) => {
      this.#blocks[place + i] = block;
    });
    this.#empty += old.length - left.length;
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
