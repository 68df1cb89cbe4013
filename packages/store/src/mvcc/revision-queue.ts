// A first-in first-out queue of rows with the revision at which each was written: what compaction
// will have to look at, in the order in which it becomes due. Chunked typed arrays, so that a
// million entries are neither objects nor one large copy.

import type { Revision } from "../contract.ts";
import type { VersionId } from "./versions.ts";

const chunkLength = 4096;

interface Chunk {
  readonly ids: Uint32Array;
  readonly mains: Float64Array;
}

export class RevisionQueue {
  #chunks: Chunk[] = [];
  #first = 0;
  /** Place after the last entry, counted from the first chunk. */
  #end = 0;

  get length(): number {
    return this.#end - this.#first;
  }

  push(id: VersionId, main: Revision): void {
    const place = this.#end++;
    let chunk = this.#chunks[Math.floor(place / chunkLength)];
    if (chunk === undefined) {
      chunk = { ids: new Uint32Array(chunkLength), mains: new Float64Array(chunkLength) };
      this.#chunks.push(chunk);
    }
    chunk.ids[place % chunkLength] = id;
    chunk.mains[place % chunkLength] = main;
  }

  /** Revision of the entry at the front; Infinity when there is none. */
  frontMain(): Revision {
    return this.length === 0 ? Number.POSITIVE_INFINITY : this.#chunks[0]!.mains[this.#first]!;
  }

  shift(): VersionId {
    const id = this.#chunks[0]!.ids[this.#first]!;
    this.#first++;
    if (this.#first === chunkLength) {
      this.#chunks.shift();
      this.#first = 0;
      this.#end -= chunkLength;
    }
    return id;
  }
}
