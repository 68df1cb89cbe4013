// What those that catch up read of history. Many are behind by the same few revisions, because one client that
// has many did not read for a while: in one turn, in which nothing is applied, what one of them reads serves
// the others.

import type { ErrorResult, EventsResult, Store, WatchReads } from "../contract.ts";
import { coverOf } from "./events.ts";
import type { Watcher } from "./watcher.ts";

interface Shared {
  readonly from: number;
  readonly hasPrevious: boolean;
  readonly piece: EventsResult;
}

export class CatchUpReads {
  readonly #store: Pick<Store, "revision" | "compactRevision"> & WatchReads;
  readonly #eventsPerPiece: number;
  #shared: Shared | undefined;
  /** What there is to share was read in this turn, and is maybe none. */
  #hasRead = false;

  constructor(
    store: Pick<Store, "revision" | "compactRevision"> & WatchReads,
    eventsPerPiece: number,
  ) {
    this.#store = store;
    this.#eventsPerPiece = eventsPerPiece;
  }

  /** What was read before may be true no more. */
  beginTurn(): void {
    this.#shared = undefined;
    this.#hasRead = false;
  }

  /** The next piece for one of them; `part` of its next revision it has had. */
  read(watcher: Watcher, part: number, others: number): EventsResult | ErrorResult {
    if (part === 0 && others > 0 && this.#isNearTheEnd(watcher)) {
      if (!this.#hasRead) this.#readForAll(watcher);
      const piece = this.#ofShared(watcher);
      if (piece !== undefined) return piece;
    }
    const { key, rangeEnd, prevKv } = watcher.options;
    return this.#store.readEvents({
      key,
      rangeEnd,
      fromRevision: watcher.next,
      fromPart: part,
      prevKv,
      eventsMax: this.#eventsPerPiece,
      isHeld: part > 0,
    });
  }

  #isNearTheEnd({ next }: Watcher): boolean {
    return this.#store.revision - next < this.#eventsPerPiece;
  }

  #readForAll({ next, options }: Watcher): void {
    this.#hasRead = true;
    const { prevKv } = options;
    const all = { key: "\0", rangeEnd: "\0", fromRevision: next, fromPart: 0 };
    const piece = this.#store.readEvents({ ...all, prevKv, eventsMax: this.#eventsPerPiece });
    // A revision of which a part was read is for each to put together.
    if (piece.kind === "error" || piece.nextPart > 0) return;
    this.#shared = { from: next, hasPrevious: prevKv, piece };
  }

  #ofShared({ next, options }: Watcher): EventsResult | undefined {
    const shared = this.#shared;
    if (shared === undefined || (options.prevKv && !shared.hasPrevious)) return undefined;
    const { piece, from } = shared;
    // Before the floor it is to be told that something is gone.
    const isCovered = from <= next && next < piece.nextRevision;
    if (!isCovered || next < this.#store.compactRevision) return undefined;
    const covers = coverOf(options);
    const events = piece.events.filter(({ kv }) => kv.modRevision >= next && covers(kv.key));
    return { ...piece, events };
  }
}
