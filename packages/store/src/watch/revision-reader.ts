// Reads on for those that follow, in short pieces, and gives out one whole revision after the other. What a
// piece brought is kept until it is given out; a revision that is longer than a piece is put together.

import type { Revision, StoreEvent, WatchReads } from "../contract.ts";

export class RevisionReader {
  readonly #store: WatchReads;
  readonly #eventsPerPiece: number;
  /** Read; from `#at` on not given out yet. */
  #events: StoreEvent[] = [];
  #at = 0;
  /** Where it reads on. */
  #revision: Revision;
  #part = 0;

  constructor(store: WatchReads, eventsPerPiece: number, from: Revision) {
    this.#store = store;
    this.#eventsPerPiece = eventsPerPiece;
    this.#revision = from;
  }

  /** Everything before it was given out. */
  get from(): Revision {
    return this.#events[this.#at]?.kv.modRevision ?? this.#revision;
  }

  /**
   * The events of the next revision, or nothing when a piece was read: maybe they are there now. Undefined: what
   * it was to read is gone.
   */
  next(prevKv: boolean): readonly StoreEvent[] | undefined {
    if (this.#hasRevision()) return this.#take();
    const piece = this.#store.readEvents({
      key: "\0",
      rangeEnd: "\0",
      fromRevision: this.#revision,
      fromPart: this.#part,
      prevKv,
      eventsMax: this.#eventsPerPiece,
      isHeld: true,
    });
    if (piece.kind === "error") return undefined;
    for (const event of piece.events) this.#events.push(event);
    this.#revision = piece.nextRevision;
    this.#part = piece.nextPart;
    return this.#hasRevision() ? this.#take() : [];
  }

  #hasRevision(): boolean {
    const first = this.#events[this.#at];
    return first !== undefined && (this.#part === 0 || first.kv.modRevision < this.#revision);
  }

  #take(): readonly StoreEvent[] {
    const events = this.#events;
    const start = this.#at;
    const revision = events[start]!.kv.modRevision;
    let end = start + 1;
    while (end < events.length && events[end]!.kv.modRevision === revision) end++;
    this.#at = end;
    if (end < events.length) return events.slice(start, end);
    this.#events = [];
    this.#at = 0;
    return start === 0 ? events : events.slice(start);
  }
}
