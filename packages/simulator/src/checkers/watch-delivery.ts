// What a watcher is told is what the log did, from where it asked on: every event that it wants, once, in
// order, the events of a revision together and nothing that is not committed; and it is told that history
// is gone only when it is (etcd's watch guarantees: ordered, reliable, atomic; corpus 62, 63).

import type { Key, StoreEvent } from "@althing/store";
import { type Change, covers, decodeValue, type Reference } from "../observe/reference.ts";
import type { Verdicts } from "./verdicts.ts";

export interface WatchedRange {
  readonly key: Key;
  readonly rangeEnd: Key;
  readonly prevKv: boolean;
  readonly puts: boolean;
  readonly deletes: boolean;
}

/** One watch as its client sees it, over all the streams that it is resumed on. */
export class WatchDelivery {
  readonly #name: string;
  readonly #range: WatchedRange;
  readonly #verdicts: Verdicts;
  readonly #reference: Reference;
  /** It has seen all before this revision: where it resumes. */
  next: number;

  constructor(
    name: string,
    range: WatchedRange,
    next: number,
    parts: { readonly verdicts: Verdicts; readonly reference: Reference },
  ) {
    this.#name = name;
    this.#range = range;
    this.next = next;
    this.#verdicts = parts.verdicts;
    this.#reference = parts.reference;
  }

  /** One message; `revision` is the one that its header names. */
  events(revision: number, events: readonly StoreEvent[]): void {
    for (let start = 0; start < events.length; ) {
      const at = (events[start] as StoreEvent).kv.modRevision;
      let end = start + 1;
      while (end < events.length && events[end]?.kv.modRevision === at) end++;
      if (!this.#revisionOf(at, events.slice(start, end))) return;
      start = end;
    }
    const last = events.at(-1)?.kv.modRevision ?? 0;
    if (revision < last || revision > this.#reference.revision) {
      this.#violate(
        `a message of revision ${revision} came with events up to ${last}, ` +
          `when ${this.#reference.revision} was committed`,
      );
    }
  }

  /** Told that everything up to `revision` has been sent. */
  progress(revision: number): void {
    if (revision > this.#reference.revision) {
      this.#violate(`progress to ${revision}, beyond what is committed`);
    }
    this.#nothingBetween(this.next, revision + 1);
    this.next = Math.max(this.next, revision + 1);
  }

  /** Told that what it has not seen is compacted; it resumes at the floor. */
  compacted(floor: number): void {
    if (floor > this.#reference.floor) {
      this.#violate(`compacted at ${floor}, when the floor was ${this.#reference.floor}`);
    }
    if (floor <= this.next) {
      this.#violate(`compacted at ${floor}, though it had seen all before ${this.next}`);
    }
    this.next = Math.max(this.next, floor);
  }

  /** Whether nothing up to `revision` is still to come. */
  isComplete(revision: number): boolean {
    for (let at = this.next; at <= revision; at++) if (this.#wanted(at).length > 0) return false;
    return true;
  }

  describe(): string {
    return `${this.#name} waits for revision ${this.next}`;
  }

  #revisionOf(revision: number, events: readonly StoreEvent[]): boolean {
    if (revision < this.next) {
      this.#violate(`an event of revision ${revision} came when ${this.next} was due`);
      return false;
    }
    if (revision > this.#reference.revision) {
      this.#violate(`an event of revision ${revision} came before it was committed`);
      return false;
    }
    if (!this.#nothingBetween(this.next, revision)) return false;
    const expected = this.#wanted(revision);
    const same =
      expected.length === events.length &&
      expected.every((change, at) => this.#isSame(change, events[at] as StoreEvent));
    if (!same) {
      const told = events.map(describeEvent).join(", ");
      this.#violate(
        `revision ${revision} was told as [${told}], not [${expected.map(describeChange).join(", ")}]`,
      );
      return false;
    }
    this.next = revision + 1;
    return true;
  }

  #nothingBetween(from: number, to: number): boolean {
    for (let at = from; at < to; at++) {
      const [missed] = this.#wanted(at);
      if (missed === undefined) continue;
      this.#violate(`it was not told of ${describeChange(missed)} at revision ${at}`);
      return false;
    }
    return true;
  }

  #wanted(revision: number): Change[] {
    const { puts, deletes } = this.#range;
    return this.#reference
      .changesAt(revision)
      .filter((change) => (change.isDelete ? deletes : puts) && covers(this.#range, change.key));
  }

  #isSame(change: Change, { type, kv, prevKv }: StoreEvent): boolean {
    if (type !== (change.isDelete ? "delete" : "put")) return false;
    if (kv.key !== change.key || kv.createRevision !== change.create) return false;
    if (kv.version !== change.version || kv.lease !== change.lease) return false;
    if (!change.isDelete && !Object.is(decodeValue(kv.value), change.value)) return false;
    return this.#isPrevious(change, prevKv);
  }

  /** What was there before is left out when it is compacted. */
  #isPrevious({ previous, revision }: Change, prevKv: StoreEvent["prevKv"]): boolean {
    const isThere = previous !== undefined && !previous.isDelete;
    if (prevKv === undefined) {
      return !this.#range.prevKv || !isThere || revision - 1 < this.#reference.floor;
    }
    return (
      this.#range.prevKv &&
      isThere &&
      prevKv.modRevision === previous.revision &&
      Object.is(decodeValue(prevKv.value), previous.value)
    );
  }

  #violate(detail: string): void {
    this.#verdicts.violate("watch", `${this.#name}: ${detail}`);
  }
}

function describeChange({ key, isDelete, value, version }: Change): string {
  return isDelete ? `delete ${key}` : `put ${key}=${value} version ${version}`;
}

function describeEvent({ type, kv }: StoreEvent): string {
  if (type === "delete") return `delete ${kv.key}`;
  return `put ${kv.key}=${decodeValue(kv.value)} version ${kv.version}`;
}
