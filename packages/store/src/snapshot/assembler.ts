// Checks a stream of snapshot chunks as it comes and hands its contents on. Both the restore of a
// member and the loading of a checkpoint go through here, so neither can accept less than the other.

import type { Crc32 } from "@althing/bytes";
import type { Head } from "../engine/port.ts";
import { type DecodedChunk, decodeChunk, SnapshotDamaged, type SnapshotItem } from "./format.ts";

export class SnapshotAssembler {
  readonly #crc32: Crc32 | undefined;
  readonly #take: (item: SnapshotItem) => void;
  #sequence = 0;
  #head: Head | undefined;
  #entries = 0;
  #records = 0;
  #lastMain = 0;
  #lastSub = -1;
  #complete = false;

  constructor(take: (item: SnapshotItem) => void, crc32?: Crc32) {
    this.#take = take;
    this.#crc32 = crc32;
  }

  get complete(): boolean {
    return this.#complete;
  }

  write(chunk: Uint8Array): void {
    if (this.#complete) throw new SnapshotDamaged("a chunk came after the end of the snapshot");
    const decoded = decodeChunk(chunk, this.#sequence, this.#crc32);
    this.#sequence++;
    this.#accept(decoded);
  }

  finish(): Head {
    if (this.#head === undefined || !this.#complete) {
      throw new SnapshotDamaged(`the snapshot ends after ${this.#sequence} chunks, incomplete`);
    }
    return this.#head;
  }

  #accept(chunk: DecodedChunk): void {
    if ((chunk.kind === "head") !== (this.#head === undefined)) {
      throw new SnapshotDamaged("the head of a snapshot must come first, and once");
    }
    switch (chunk.kind) {
      case "head":
        this.#head = chunk.head;
        break;
      case "body":
        for (const item of chunk.items) this.#acceptItem(item);
        break;
      case "end":
        if (chunk.entries !== this.#entries || chunk.records !== this.#records) {
          throw new SnapshotDamaged("the snapshot does not hold what its end says");
        }
        this.#complete = true;
        break;
    }
  }

  #acceptItem(item: SnapshotItem): void {
    if (item.kind === "entry") this.#entries++;
    else {
      this.#records++;
      const ascending =
        item.main > this.#lastMain || (item.main === this.#lastMain && item.sub > this.#lastSub);
      if (!ascending || item.main > this.#head!.revision) {
        throw new SnapshotDamaged(`revision ${item.main}.${item.sub} is out of order`);
      }
      this.#lastMain = item.main;
      this.#lastSub = item.sub;
    }
    this.#take(item);
  }
}
