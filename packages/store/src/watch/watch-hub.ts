// Who watches what, and how events reach them. Watchers that are up to date share one reading of the
// history: what a turn applied is read once and handed to those whose keys it touches. One that starts in
// the past, or whose client reads too slowly, reads the history by itself until it has caught up; nothing is
// kept for it meanwhile. Those that follow hold the history that they have not seen yet: as with etcd, which
// hands out with every write, no compaction takes it from them. Nothing here takes more than some
// milliseconds of a turn, however many watch and however much happened at once: what is not done by then
// goes on in the next turn where it stopped.

import type { Revision, Store, StoreEvent, WatchReads } from "../contract.ts";
import { CatchUpReads } from "./catch-up-reads.ts";
import { Followers } from "./followers.ts";
import { HandOut, type HandOutPorts } from "./hand-out.ts";
import { Laggards } from "./laggards.ts";
import { RevisionReader } from "./revision-reader.ts";
import { eventBytes, seenBy, type Watcher, type WatchSink } from "./watcher.ts";

/** What it takes from the world. */
export interface WatchHubPorts {
  /** Never goes back. */
  nowMs(): number;
  /** Calls once, in a later turn of the loop. */
  soon(run: () => void): void;
  readonly eventsPerPiece?: number;
  readonly bytesPerMessage?: number;
}

type WatchedStore = Pick<Store, "revision" | "compactRevision"> & WatchReads;

const turnMs = 5;
/** Watchers that are moved between two looks at the clock. */
const movedPerLook = 64;

/** One that is in the middle of a revision: what is left of it is held for it. */
interface Divided {
  readonly watcher: Watcher;
  readonly part: number;
  /** It was told that there is more. */
  readonly hasBegun: boolean;
}

/** Those that followed when a snapshot took the place of what they followed; and what they had not seen. */
interface LeftBehind {
  readonly watchers: Iterator<Watcher>;
  readonly from: Revision;
}

export class WatchHub {
  private readonly store: WatchedStore;
  private readonly ports: WatchHubPorts;
  readonly eventsPerPiece: number;
  readonly bytesPerMessage: number;
  private followers = new Followers();
  /** Everything before it was handed to those that follow. */
  private followed: Revision;
  private reader: RevisionReader;
  private handOut: HandOut | undefined;
  private readonly handOutPorts: HandOutPorts = {
    begins: (watcher, revision) => this.begins(watcher, revision),
    tells: (watcher, revision, events, more) => this.tell(watcher, revision, events, more),
  };
  private readonly laggards = new Laggards();
  private readonly reads: CatchUpReads;
  private readonly leftBehind: LeftBehind[] = [];
  private divided: Divided | undefined;
  private isScheduled = false;

  constructor(store: WatchedStore, ports: WatchHubPorts) {
    this.store = store;
    this.ports = ports;
    this.eventsPerPiece = ports.eventsPerPiece ?? 500;
    this.bytesPerMessage = ports.bytesPerMessage ?? 1024 * 1024;
    this.followed = store.revision + 1;
    this.reader = new RevisionReader(store, this.eventsPerPiece, this.followed);
    this.reads = new CatchUpReads(store, this.eventsPerPiece);
    // Those that follow miss nothing, whatever is compacted before they were handed it.
    store.holdHistory(() => {
      const followed = this.followers.size === 0 ? Number.POSITIVE_INFINITY : this.followed;
      return Math.min(followed, this.divided?.watcher.next ?? Number.POSITIVE_INFINITY);
    });
  }

  /** Those that catch up from history, or whose client does not read. */
  get slowWatchers(): number {
    return this.laggards.size + (this.divided === undefined ? 0 : 1);
  }

  get watchers(): number {
    return this.followers.size + this.slowWatchers;
  }

  /** After the answer that it is created has been sent. */
  add(watcher: Watcher): void {
    if (watcher.next <= this.store.revision || this.laggards.isBlocked(watcher.sink)) {
      this.laggards.add(watcher);
      this.schedule();
    } else this.follow(watcher);
  }

  remove(watcher: Watcher): void {
    watcher.isRemoved = true;
    this.laggards.delete(watcher);
    this.followers.delete(watcher);
    if (this.divided?.watcher === watcher) this.divided = undefined;
  }

  /** It has seen everything up to the store's revision, and waits for none in particular. */
  isCurrent(watcher: Watcher): boolean {
    return (
      this.followers.has(watcher) &&
      this.followed > this.store.revision &&
      watcher.next <= this.store.revision + 1
    );
  }

  /** Its client has read what it was sent. */
  resumed(sink: WatchSink): void {
    if (this.laggards.unblock(sink)) this.schedule();
  }

  forget(sink: WatchSink): void {
    this.laggards.unblock(sink);
  }

  /** The store has applied something. */
  advance(): void {
    const { ports, store } = this;
    if (this.followers.size === 0) this.begin();
    const deadline = ports.nowMs() + turnMs;
    const isOver = () => ports.nowMs() > deadline;
    while (this.followed <= store.revision && this.followers.size > 0) {
      if (isOver() || !this.handOutOne(isOver)) {
        this.schedule();
        return;
      }
    }
  }

  /** With what is to come, for nobody waits for anything else. */
  private begin(): void {
    this.followed = this.store.revision + 1;
    this.reader = new RevisionReader(this.store, this.eventsPerPiece, this.followed);
    this.handOut = undefined;
  }

  /** A revision, or a step towards it. False: the time was over before all had it. */
  private handOutOne(isOver: () => boolean): boolean {
    const { followers, reader } = this;
    if (this.handOut === undefined) {
      const events = reader.next(followers.wantPrevious);
      if (events === undefined) {
        this.leaveBehind();
        return true;
      }
      if (events.length > 0) {
        this.handOut = new HandOut(followers, events, this.handOutPorts, this);
      }
    }
    if (this.handOut?.run(isOver) === false) return false;
    this.handOut = undefined;
    this.followed = reader.from;
    return true;
  }

  /** Whether it is told of the revision now. */
  private begins(watcher: Watcher, revision: Revision): boolean {
    if (!this.laggards.isBlocked(watcher.sink)) return true;
    this.fallBehind(watcher, revision);
    return false;
  }

  /** What has begun is told to its end, whether the sink takes it or not. */
  private tell(
    watcher: Watcher,
    revision: Revision,
    events: readonly StoreEvent[],
    more: boolean,
  ): void {
    watcher.stirred = true;
    const flows = watcher.sink.events(watcher, revision, events, more);
    if (!more && !flows) this.laggards.block(watcher.sink);
  }

  /** Each finds out by itself what it missed. */
  private leaveBehind(): void {
    this.leftBehind.push({ watchers: this.followers.all(), from: this.followed });
    this.followers = new Followers();
    this.begin();
    this.schedule();
  }

  private fallBehind(watcher: Watcher, next: Revision): void {
    this.followers.delete(watcher);
    this.catchesUp(watcher, next);
  }

  private catchesUp(watcher: Watcher, next: Revision): void {
    watcher.next = Math.max(watcher.next, next);
    this.laggards.add(watcher);
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.ports.soon(() => {
      this.isScheduled = false;
      this.advance();
      this.catchUp();
    });
  }

  private catchUp(): void {
    const deadline = this.ports.nowMs() + turnMs;
    const isOver = () => this.ports.nowMs() > deadline;
    this.reads.beginTurn();
    for (;;) {
      const isIdle = this.leftBehind.length === 0 && this.divided === undefined;
      if (isIdle && !this.laggards.isAnyReady) return;
      if (isOver()) break;
      if (this.leftBehind.length > 0) this.moveLeftBehind(this.leftBehind[0]!);
      else if (this.divided !== undefined) this.readFor(this.divided);
      else this.readFor({ watcher: this.laggards.take()!, part: 0, hasBegun: false });
    }
    this.schedule();
  }

  private moveLeftBehind({ watchers, from }: LeftBehind): void {
    for (let moved = 0; moved < movedPerLook; moved++) {
      const next = watchers.next();
      if (next.done) {
        this.leftBehind.shift();
        return;
      }
      if (!next.value.isRemoved) this.catchesUp(next.value, from);
    }
  }

  /** One piece for one watcher. Whoever has more to read goes to the end of its line, but within a revision. */
  private readFor({ watcher, part, hasBegun }: Divided): void {
    const { sink, options } = watcher;
    this.divided = undefined;
    const piece = this.reads.read(watcher, part, this.laggards.size);
    if (piece.kind === "error") {
      sink.compacted(watcher, this.store.compactRevision);
      return;
    }
    const events = seenBy(options, piece.events);
    const begun = watcher.next;
    let isOpen = hasBegun;
    for (let start = 0, isDone = false; !isDone; ) {
      // A message that goes on ends with its revision.
      const bytesMax = isOpen ? 0 : this.bytesPerMessage;
      const isOver = isOpen && events[start]?.kv.modRevision !== begun;
      const end = isOver ? start : messageEnd(events, start, bytesMax);
      isDone = end === events.length;
      const isTorn = piece.nextPart > 0 && (!isOpen || piece.nextRevision === begun);
      const more = isDone && isTorn;
      watcher.next = isDone ? piece.nextRevision : events[end]!.kv.modRevision;
      if (end > start || (isOpen && !more)) {
        this.tell(watcher, this.store.revision, events.slice(start, end), more);
        isOpen = more;
      }
      if (watcher.isRemoved) return;
      if (isDone && piece.nextPart > 0) break;
      if (this.laggards.isBlocked(sink)) {
        this.laggards.add(watcher);
        return;
      }
      start = end;
    }
    if (piece.nextPart > 0) this.divided = { watcher, part: piece.nextPart, hasBegun: isOpen };
    else if (watcher.next <= this.store.revision) this.laggards.add(watcher);
    else this.follow(watcher);
  }

  private follow(watcher: Watcher): void {
    if (this.followers.size === 0) this.begin();
    this.followers.add(watcher);
  }
}

/** As many revisions as one message takes; at least one, and none in part that is there. */
function messageEnd(events: readonly StoreEvent[], start: number, bytesMax: number): number {
  let bytes = 0;
  let at = start;
  while (at < events.length) {
    const revision = events[at]!.kv.modRevision;
    if (bytes > bytesMax && revision !== events[at - 1]!.kv.modRevision) break;
    bytes += eventBytes(events[at]!);
    at++;
  }
  return at;
}
