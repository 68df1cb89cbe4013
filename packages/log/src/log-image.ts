// What the items of a log amount to, replayed one after the other: state, base and entries. Recovery
// is nothing but this replay.

import type { LogBase, LogEntry } from "./contract.ts";
import type { Item } from "./record-format.ts";
import type { SegmentLedger } from "./segment-ledger.ts";

/** Survivors are copied into arenas of this size, so that none pins a whole segment in memory. */
const arenaBytes = 256 * 1024;

export class LogImage {
  readonly #ledger: SegmentLedger;
  readonly #entries = new Map<number, LogEntry>();
  #last = 0;
  state: Uint8Array | undefined;
  base: LogBase | undefined;
  firstSegment = 0;

  constructor(ledger: SegmentLedger) {
    this.#ledger = ledger;
  }

  apply(item: Item): void {
    if (item.kind === "entry") {
      if (item.entry.index <= (this.base?.index ?? 0)) return;
      this.#entries.set(item.entry.index, item.entry);
      this.#ledger.noteEntry(item.entry.index);
      this.#last = Math.max(this.#last, item.entry.index);
    } else if (item.kind === "truncate") {
      this.#truncate(item.from);
      this.#ledger.noteTruncate(item.from);
    } else if (item.kind === "state") {
      this.state = item.state;
    } else {
      this.firstSegment = Math.max(this.firstSegment, item.firstSegment);
      if (item.mode === "reset") {
        this.#entries.clear();
        this.#ledger.noteReset();
        this.#last = 0;
        this.base = item.base;
      } else if (this.base === undefined || item.base.index > this.base.index) {
        this.base = item.base;
      }
    }
  }

  /** Ascending, all after the base; independent of the memory the log was read into. */
  entries(): LogEntry[] {
    const base = this.base?.index ?? 0;
    const kept = [...this.#entries.values()].filter((entry) => entry.index > base);
    kept.sort((left, right) => left.index - right.index);
    let arena = new Uint8Array(0);
    let used = 0;
    return kept.map((entry) => {
      const { length } = entry.payload;
      if (used + length > arena.length) {
        arena = new Uint8Array(Math.max(arenaBytes, length));
        used = 0;
      }
      const payload = arena.subarray(used, used + length);
      payload.set(entry.payload);
      used += length;
      return { ...entry, payload };
    });
  }

  #truncate(from: number): void {
    if (this.#last - from > this.#entries.size) {
      for (const index of this.#entries.keys()) if (index >= from) this.#entries.delete(index);
    } else {
      for (let index = from; index <= this.#last; index += 1) this.#entries.delete(index);
    }
    this.#last = Math.min(this.#last, Math.max(0, from - 1));
  }
}
