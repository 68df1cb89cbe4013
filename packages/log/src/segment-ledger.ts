// Which segments exist, how large they are, and the highest entry in each that may still count. It
// decides which of them compaction may remove: only a run from the oldest, and never the newest.

import type { LogBase } from "./contract.ts";

export interface SegmentState {
  readonly number: number;
  /** Size of its file. */
  fileBytes: number;
  /** Highest index of an entry written here and not truncated or reset since; 0 when none. */
  lastLive: number;
}

export class SegmentLedger {
  readonly segments: SegmentState[] = [];

  get newest(): SegmentState {
    const newest = this.segments.at(-1);
    if (newest === undefined) throw new Error("the ledger has no segment");
    return newest;
  }

  get bytes(): number {
    let bytes = 0;
    for (const segment of this.segments) bytes += segment.fileBytes;
    return bytes;
  }

  add(number: number, fileBytes: number): void {
    this.segments.push({ number, fileBytes, lastLive: 0 });
  }

  noteEntry(index: number): void {
    const newest = this.newest;
    if (index > newest.lastLive) newest.lastLive = index;
  }

  noteTruncate(from: number): void {
    for (const segment of this.segments) {
      segment.lastLive = Math.max(0, Math.min(segment.lastLive, from - 1));
    }
  }

  noteReset(): void {
    for (const segment of this.segments) segment.lastLive = 0;
  }

  /** The oldest segment that holds an entry after `base`; the newest when none does. */
  firstNeeded(base: LogBase): number {
    const needed = this.segments.find((segment) => segment.lastLive > base.index);
    return (needed ?? this.newest).number;
  }

  /** Forgets the segments below `first` and returns their numbers. */
  removeBelow(first: number): number[] {
    const removed: number[] = [];
    while (this.segments.length > 1 && this.segments[0]!.number < first) {
      removed.push(this.segments.shift()!.number);
    }
    return removed;
  }
}
