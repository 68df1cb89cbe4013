// What on the disk tells mostly of records that are gone, and is to be written anew: blocks, and lists of removals.

import { type Block, isWorthRewriting, type RemovalList } from "./block.ts";
import type { LoadedBlocks } from "./environment.ts";
import { Packing } from "./packing.ts";

export class Upkeep {
  /** Blocks that have lost most of their records. */
  readonly sparse = new Set<Block>();
  /** Lists of which less than half is left. */
  readonly sparseLists = new Set<RemovalList>();
  /** Those of which no record is left. */
  readonly finishedLists = new Set<RemovalList>();

  readonly packing = new Packing();

  /** As a restart found it. */
  load({ sparse, lists }: LoadedBlocks): void {
    for (const block of sparse) this.sparse.add(block);
    for (const list of lists) {
      if (list.remaining === 0) this.finishedLists.add(list);
      else this.shortened(list);
    }
  }

  get isDone(): boolean {
    return this.sparse.size === 0 && this.finishedLists.size === 0 && this.sparseLists.size === 0;
  }

  /** Some of what it tells of is gone from the disk. */
  shortened(list: RemovalList): void {
    if (list.remaining === 0) {
      this.sparseLists.delete(list);
      this.finishedLists.add(list);
    } else if (isWorthRewriting(list)) this.sparseLists.add(list);
  }
}
