// Who watches what, and how events reach them. Watchers that are up to date share one reading of the
// history: what a turn applied is read once and handed to those whose keys it touches. One that starts in
// the past, or whose client reads too slowly, reads the history by itself until it has caught up; nothing is
// kept for it meanwhile. Those that follow hold the history that they have not seen yet: as with etcd, which
// hands out with every write, no compaction takes it from them. Longer than most, because the moves between
// the two are the point.

import type { Key, Store, StoreEvent, WatchReads } from "../contract.ts";

export interface WatcherOptions {
  readonly key: Key;
  readonly rangeEnd: Key;
  readonly prevKv: boolean;
  readonly puts: boolean;
  readonly deletes: boolean;
}

/** Where a watcher's events go. */
export interface WatchSink {
  /** Takes them all. False: wait for `resumed` before more is sent to this sink. */
  events(watcher: Watcher, revision: number, events: readonly StoreEvent[]): boolean;
  /** History before `floor` is gone, and with it what this watcher has not seen. */
  compacted(watcher: Watcher, floor: number): void;
}

export class Watcher {
  readonly id: bigint;
  readonly options: WatcherOptions;
  readonly sink: WatchSink;
  /** Nothing before this revision is sent to it. While it follows, a bound on what it has still to see. */
  next: number;
  /** It had an event since the last progress notice. */
  stirred = false;
  isRemoved = false;

  constructor(id: bigint, options: WatcherOptions, sink: WatchSink, next: number) {
    this.id = id;
    this.options = options;
    this.sink = sink;
    this.next = next;
  }
}

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
/** Watchers that are served between two looks at the clock. */
const watchersPerLook = 128;

export class WatchHub {
  private readonly store: WatchedStore;
  private readonly ports: WatchHubPorts;
  private readonly eventsPerPiece: number;
  private readonly bytesPerMessage: number;
  /** Everything before it was handed to those that follow. */
  private followed: number;
  private readonly byKey = new Map<Key, Set<Watcher>>();
  private readonly ranges = new Set<Watcher>();
  private readonly following = new Set<Watcher>();
  /** How many of those want what was there before. */
  private wantPrevious = 0;
  private readonly behind = new Set<Watcher>();
  private readonly blocked = new Set<WatchSink>();
  private isScheduled = false;

  constructor(store: WatchedStore, ports: WatchHubPorts) {
    this.store = store;
    this.ports = ports;
    this.eventsPerPiece = ports.eventsPerPiece ?? 500;
    this.bytesPerMessage = ports.bytesPerMessage ?? 1024 * 1024;
    this.followed = store.revision + 1;
    // Those that follow miss nothing, whatever is compacted before they were handed it.
    store.holdHistory(() => (this.following.size === 0 ? Number.POSITIVE_INFINITY : this.followed));
  }

  /** Those that catch up from history, or whose client does not read. */
  get slowWatchers(): number {
    return this.behind.size;
  }

  get watchers(): number {
    return this.following.size + this.behind.size;
  }

  /** After the answer that it is created has been sent. */
  add(watcher: Watcher): void {
    if (watcher.next <= this.store.revision || this.blocked.has(watcher.sink)) {
      this.behind.add(watcher);
      this.schedule();
    } else this.follow(watcher);
  }

  remove(watcher: Watcher): void {
    watcher.isRemoved = true;
    this.behind.delete(watcher);
    this.unfollow(watcher);
  }

  /** It has seen everything up to the store's revision, and waits for none in particular. */
  isCurrent(watcher: Watcher): boolean {
    return (
      this.following.has(watcher) &&
      this.followed > this.store.revision &&
      watcher.next <= this.store.revision + 1
    );
  }

  /** Its client has read what it was sent. */
  resumed(sink: WatchSink): void {
    if (this.blocked.delete(sink)) this.schedule();
  }

  forget(sink: WatchSink): void {
    this.blocked.delete(sink);
  }

  /** The store has applied something. */
  advance(): void {
    if (this.following.size === 0) this.followed = this.store.revision + 1;
    const deadline = this.ports.nowMs() + turnMs;
    while (this.followed <= this.store.revision && this.following.size > 0) {
      if (this.ports.nowMs() > deadline) {
        this.schedule();
        return;
      }
      this.readOnce(deadline);
    }
  }

  private readOnce(deadline: number): void {
    const piece = this.store.readEvents({
      key: "\0",
      rangeEnd: "\0",
      fromRevision: this.followed,
      prevKv: this.wantPrevious > 0,
      eventsMax: this.eventsPerPiece,
      isHeld: true,
    });
    if (piece.kind === "error") {
      // A snapshot took the place of what they followed; each finds out by itself what it missed.
      for (const watcher of [...this.following]) this.fallBehind(watcher, this.followed);
      this.schedule();
      return;
    }
    const { events } = piece;
    for (let start = 0; start < events.length; ) {
      const revision = events[start]!.kv.modRevision;
      let end = start + 1;
      while (end < events.length && events[end]!.kv.modRevision === revision) end++;
      if (!this.handOut(events, start, end, deadline)) {
        // Whoever had it has a later `next`: it is read again for the others.
        this.followed = revision;
        return;
      }
      start = end;
    }
    this.followed = piece.nextRevision;
  }

  /**
   * The events of one revision go to each watcher together. False: the time was over before all had them. A
   * revision may have a hundred thousand events, and as many watchers to look at.
   */
  private handOut(
    events: readonly StoreEvent[],
    start: number,
    end: number,
    deadline: number,
  ): boolean {
    const { ports } = this;
    const revision = events[start]!.kv.modRevision;
    // Reading took time as well; whoever interrupts must have gone on.
    const untilMs = Math.max(deadline, ports.nowMs() + turnMs);
    let looks = 0;
    for (const [watcher, own] of this.touchedBy(events.slice(start, end), revision)) {
      if (++looks % watchersPerLook === 0 && ports.nowMs() > untilMs) {
        return false;
      }
      if (watcher.isRemoved) continue;
      const { sink } = watcher;
      if (own.length > 0 && this.blocked.has(sink)) {
        this.fallBehind(watcher, revision);
        continue;
      }
      watcher.next = revision + 1;
      if (own.length === 0) continue;
      watcher.stirred = true;
      if (!sink.events(watcher, revision, own)) this.blocked.add(sink);
    }
    return true;
  }

  /** Who may see which of the events of a revision, one watcher after the other; maybe none. */
  private *touchedBy(
    events: readonly StoreEvent[],
    revision: number,
  ): Generator<readonly [Watcher, readonly StoreEvent[]]> {
    const ofKey = new Map<Key, StoreEvent[]>();
    for (const event of events) {
      const own = ofKey.get(event.kv.key);
      if (own === undefined) ofKey.set(event.kv.key, [event]);
      else own.push(event);
    }
    for (const [key, own] of ofKey) {
      for (const watcher of this.byKey.get(key) ?? []) {
        if (watcher.next <= revision) yield [watcher, seenBy(watcher.options, own)];
      }
    }
    if (this.ranges.size === 0) return;
    const sorted = new SortedEvents(events);
    for (const watcher of this.ranges) {
      if (watcher.next > revision) continue;
      yield [watcher, seenBy(watcher.options, sorted.within(watcher.options))];
    }
  }

  private fallBehind(watcher: Watcher, next: number): void {
    this.unfollow(watcher);
    watcher.next = Math.max(watcher.next, next);
    this.behind.add(watcher);
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
    for (const watcher of [...this.behind]) {
      if (this.blocked.has(watcher.sink)) continue;
      if (this.ports.nowMs() > deadline) {
        this.schedule();
        return;
      }
      // Whoever has more to read goes to the end of the queue.
      this.behind.delete(watcher);
      if (watcher.isRemoved || !this.readFor(watcher) || watcher.isRemoved) continue;
      this.behind.add(watcher);
      if (!this.blocked.has(watcher.sink)) this.schedule();
    }
  }

  /** One piece for one watcher. Whether it is still behind. */
  private readFor(watcher: Watcher): boolean {
    const { options, sink } = watcher;
    const piece = this.store.readEvents({
      key: options.key,
      rangeEnd: options.rangeEnd,
      fromRevision: watcher.next,
      prevKv: options.prevKv,
      eventsMax: this.eventsPerPiece,
    });
    if (piece.kind === "error") {
      sink.compacted(watcher, this.store.compactRevision);
      return false;
    }
    const events = piece.events.filter((event) => wants(options, event));
    for (let start = 0; start < events.length; ) {
      const end = messageEnd(events, start, this.bytesPerMessage);
      const following = events[end]?.kv.modRevision ?? piece.nextRevision;
      watcher.stirred = true;
      watcher.next = following;
      const flows = sink.events(watcher, this.store.revision, events.slice(start, end));
      if (!flows) {
        this.blocked.add(sink);
        return true;
      }
      start = end;
    }
    watcher.next = piece.nextRevision;
    if (watcher.next <= this.store.revision) return true;
    this.follow(watcher);
    return false;
  }

  private follow(watcher: Watcher): void {
    if (watcher.isRemoved) return;
    if (this.following.size === 0) this.followed = this.store.revision + 1;
    this.following.add(watcher);
    const { key, rangeEnd, prevKv } = watcher.options;
    if (prevKv) this.wantPrevious++;
    if (rangeEnd !== "") {
      this.ranges.add(watcher);
      return;
    }
    const single = this.byKey.get(key);
    if (single === undefined) this.byKey.set(key, new Set([watcher]));
    else single.add(watcher);
  }

  private unfollow(watcher: Watcher): void {
    if (!this.following.delete(watcher)) return;
    const { key, prevKv } = watcher.options;
    if (prevKv) this.wantPrevious--;
    this.ranges.delete(watcher);
    const single = this.byKey.get(key);
    if (single?.delete(watcher) && single.size === 0) this.byKey.delete(key);
  }
}

/** About how many bytes an event takes in a message. */
export function eventBytes({ kv, prevKv }: StoreEvent): number {
  const previous = prevKv === undefined ? 0 : prevKv.key.length + prevKv.value.length + 48;
  return kv.key.length + kv.value.length + 48 + previous;
}

/** As many revisions as one message takes; at least one, and none in part. */
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

function seenBy(options: WatcherOptions, events: readonly StoreEvent[]): StoreEvent[] {
  const seen: StoreEvent[] = [];
  for (const event of events) {
    if (!wants(options, event)) continue;
    const isWhole = event.prevKv === undefined || options.prevKv;
    seen.push(isWhole ? event : { ...event, prevKv: undefined });
  }
  return seen;
}

/** By key, so that a range among them is found without a look at each. */
class SortedEvents {
  readonly #events: readonly StoreEvent[];
  /** Places of the events, by key and then as they are. */
  readonly #places: readonly number[];

  constructor(events: readonly StoreEvent[]) {
    this.#events = events;
    const keyAt = (place: number) => events[place]!.kv.key;
    this.#places = [...events.keys()].sort((a, b) => {
      if (keyAt(a) === keyAt(b)) return a - b;
      return keyAt(a) < keyAt(b) ? -1 : 1;
    });
  }

  /** In the order in which they happened. */
  within({ key, rangeEnd }: WatcherOptions): readonly StoreEvent[] {
    const first = this.#firstFrom(key);
    const end = rangeEnd === "\0" ? this.#places.length : this.#firstFrom(rangeEnd);
    if (end <= first) return [];
    const places = this.#places.slice(first, end);
    if (places.length === this.#events.length) return this.#events;
    return places.sort((a, b) => a - b).map((place) => this.#events[place]!);
  }

  #firstFrom(key: Key): number {
    let low = 0;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[this.#places[middle]!]!.kv.key < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function wants({ puts, deletes }: WatcherOptions, event: StoreEvent): boolean {
  return event.type === "put" ? puts : deletes;
}
