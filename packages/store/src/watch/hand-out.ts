// One revision on its way to all that it touches: each has its events together, in pieces where they are many,
// and it can stop after any piece and go on in a later turn.

import type { Revision, StoreEvent } from "../contract.ts";
import type { Followers } from "./followers.ts";
import { type Touched, touchedBy } from "./touched.ts";
import { eventBytes, seenBy, type Watcher } from "./watcher.ts";

/** Between two looks at the clock. To tell a watcher of an event costs one, and each further event an eighth. */
const costPerLook = 128;
const costOfEvent = 1 / 8;
/** Of a step that found nobody. */
const costOfSearch = 32;

export interface HandOutPorts {
  /** Whether it may be told of this revision now. */
  begins(watcher: Watcher, revision: Revision): boolean;
  tells(watcher: Watcher, revision: Revision, events: readonly StoreEvent[], more: boolean): void;
}

/** How much one piece holds; at least one event. */
export interface PieceBounds {
  readonly eventsPerPiece: number;
  readonly bytesPerMessage: number;
}

export class HandOut {
  readonly revision: Revision;
  readonly #ports: HandOutPorts;
  readonly #bounds: PieceBounds;
  readonly #touched: Generator<Touched | undefined, void>;
  /** Of the group that is being told. */
  #watchers: Iterator<Watcher> | undefined;
  #events: readonly StoreEvent[] = [];
  /** The one of them that is being told, how much of `#events` it has been through, and whether it had any. */
  #watcher: Watcher | undefined;
  #at = 0;
  #hasBegun = false;

  constructor(
    followers: Followers,
    events: readonly StoreEvent[],
    ports: HandOutPorts,
    bounds: PieceBounds,
  ) {
    this.revision = events[0]!.kv.modRevision;
    this.#ports = ports;
    this.#bounds = bounds;
    this.#touched = touchedBy(followers, events);
  }

  /** True: all have it. False: the time was over before that. */
  run(isOver: () => boolean): boolean {
    let cost = 0;
    for (;;) {
      const added = this.#goOn();
      if (added === undefined) return true;
      cost += added;
      if (cost < costPerLook) continue;
      cost = 0;
      if (isOver()) return false;
    }
  }

  /** One step, and what it cost. Undefined: there is none left. */
  #goOn(): number | undefined {
    if (this.#watcher !== undefined) return this.#tell(this.#watcher);
    const next = this.#watchers?.next();
    if (next === undefined || next.done) return this.#nextGroup();
    const watcher = next.value;
    // Whoever begins to watch meanwhile does so after this revision.
    if (watcher.next > this.revision || !this.#ports.begins(watcher, this.revision)) return 1;
    this.#at = 0;
    this.#hasBegun = false;
    return this.#tell(watcher);
  }

  #nextGroup(): number | undefined {
    this.#watchers = undefined;
    const next = this.#touched.next();
    if (next.done) return undefined;
    if (next.value === undefined) return costOfSearch;
    const { group, events } = next.value;
    this.#watchers = (group instanceof Set ? group : [group]).values();
    this.#events = events;
    return 1;
  }

  #tell(watcher: Watcher): number {
    const events = this.#events;
    const end = this.#pieceEnd();
    const more = end < events.length && !watcher.isRemoved;
    const isWhole = end - this.#at === events.length;
    const piece = isWhole ? events : events.slice(this.#at, end);
    this.#at = end;
    this.#watcher = more ? watcher : undefined;
    if (watcher.isRemoved) return 1;
    if (!more) watcher.next = this.revision + 1;
    const seen = seenBy(watcher.options, piece);
    // Whoever was told that there is more hears when there is not.
    if (seen.length > 0 || (this.#hasBegun && !more)) {
      this.#hasBegun = true;
      this.#ports.tells(watcher, this.revision, seen, more);
    }
    return 1 + piece.length * costOfEvent;
  }

  #pieceEnd(): number {
    const events = this.#events;
    const { eventsPerPiece, bytesPerMessage } = this.#bounds;
    const last = Math.min(this.#at + eventsPerPiece, events.length);
    let end = this.#at + 1;
    let bytes = eventBytes(events[this.#at]!);
    while (end < last && bytes < bytesPerMessage) bytes += eventBytes(events[end++]!);
    return end;
  }
}
