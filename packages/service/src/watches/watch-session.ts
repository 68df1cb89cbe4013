// One stream that carries many watchers. Each is told that it is created before any of its events; the events of a
// revision come together, split only where the client allows it; nothing comes after the answer that a watcher
// has ended, nor after the right to it has. A client that stops reading stops nobody else (the store's watch hub).

import {
  eventBytes,
  type HeldRight,
  type StoreEvent,
  Watcher,
  type WatchHub,
  type WatchSink,
} from "@althing/store";
import { ProgressNotices } from "./progress-notices.ts";
import type { EventsInParts, WatchClient, WatchWish } from "./watch-client.ts";

/** What all streams of a member share. */
export interface WatchSessionPorts {
  readonly store: { readonly revision: number };
  readonly hub: Pick<WatchHub, "add" | "remove" | "isCurrent" | "advance" | "resumed" | "forget">;
  /** Costs a comparison. False: rights have changed, and whoever has something for one who watches judges it first. */
  areRightsJudged(): boolean;
  /** Calls once, in a later turn of the loop. */
  soon(run: () => void): void;
  /** What one answer holds, where a revision may come in several. */
  readonly fragmentBytesMax: number;
}

const removedPerTurn = 1000;
/** What a watcher is charged besides its keys: a quarter of a million took some 0.8 KiB each. */
const watcherBytes = 1536;
/** What is remembered of one that we ended. */
const endedBytes = 128;

export class WatchSession<Fault extends string> implements WatchSink {
  readonly #client: WatchClient<Fault>;
  readonly #ports: WatchSessionPorts;
  readonly #watchers = new Map<bigint, Watcher>();
  readonly #rights = new Map<bigint, HeldRight>();
  readonly #fragmented = new Set<bigint>();
  readonly #notices: ProgressNotices;
  /** Answers that take more than one turn: each revision comes in one. */
  readonly #begun = new Map<bigint, EventsInParts>();
  /** Ended by us; clients cancel them as a matter of routine and wait for the answer. */
  readonly #ended = new Set<bigint>();
  #nextId = 0n;
  #isReaderSlow = false;
  #progressRequests = 0;

  constructor(client: WatchClient<Fault>, ports: WatchSessionPorts) {
    this.#client = client;
    this.#ports = ports;
    this.#notices = new ProgressNotices({
      tell: (id) => this.#notice(id),
      isReaderSlow: () => this.#isReaderSlow,
      inSteps: (step) => client.inSteps(step),
    });
  }

  create(wish: WatchWish): void {
    const { key, rangeEnd } = wish;
    const client = this.#client;
    const denied = client.refuses(wish);
    // A refused creation uses up no number.
    if (denied !== undefined) {
      this.#flows(client.denied(denied));
    } else if (rangeEnd !== "" && rangeEnd !== "\0" && key >= rangeEnd) {
      this.#flows(client.refused("emptyRange"));
    } else if (wish.from < 0) {
      this.#flows(client.refused("compacted"));
    } else if (wish.id !== 0n && this.#watchers.has(wish.id)) {
      this.#flows(client.refused("duplicateWatch"));
    } else if (!client.charge(chargeOf(wish))) {
      this.#flows(client.refused("overloaded"));
    } else {
      this.#add(wish);
    }
  }

  #add(wish: WatchWish): void {
    const { hub, store } = this.#ports;
    const { key, rangeEnd, prevKv, puts, deletes } = wish;
    const id = wish.id === 0n ? this.#freeId() : wish.id;
    const options = { key, rangeEnd, prevKv, puts, deletes };
    const next = wish.from === 0 ? store.revision + 1 : wish.from;
    const watcher = new Watcher(id, options, this, next);
    this.#watchers.set(id, watcher);
    const ended = (why: Fault) => this.#denied(watcher, why);
    this.#rights.set(id, this.#client.hold(options, ended));
    this.#forgetEnded(id);
    if (wish.fragments) this.#fragmented.add(id);
    if (wish.notices) this.#notices.add(id);
    this.#flows(this.#client.created(id));
    hub.add(watcher);
  }

  cancel(id: bigint): void {
    const watcher = this.#watchers.get(id);
    if (watcher !== undefined) this.#forget(watcher);
    else if (!this.#forgetEnded(id)) return;
    this.#flows(this.#client.cancelled(id, undefined));
  }

  /** Thousands may be asked at once: all watchers are looked through once for those of a turn. */
  askProgress(): void {
    if (this.#progressRequests++ > 0) return;
    this.#ports.soon(() => {
      const answers = this.#progressRequests;
      this.#progressRequests = 0;
      this.#tellProgress(answers);
    });
  }

  /** To those that asked for it and had nothing since the last time. */
  notifyProgress(): void {
    this.#notices.begin();
  }

  /** Nobody reads any more. */
  close(): void {
    const { hub, soon } = this.#ports;
    this.#notices.end();
    // A stream may have a quarter of a million watchers.
    const step = () => {
      let left = removedPerTurn;
      for (const [id, watcher] of this.#watchers) {
        if (left-- === 0) {
          soon(step);
          return;
        }
        hub.remove(watcher);
        this.#watchers.delete(id);
        this.#rights.get(id)?.forget();
        this.#rights.delete(id);
      }
      hub.forget(this);
    };
    step();
  }

  events(
    watcher: Watcher,
    revision: number,
    events: readonly StoreEvent[],
    more: boolean,
  ): boolean {
    const { id } = watcher;
    // Nothing that came after the right to it had ended is sent.
    if (!this.#ports.areRightsJudged()) this.#rights.get(id)?.check();
    if (watcher.isRemoved) return true;
    if (this.#fragmented.has(id)) return this.#sendFragments(id, revision, events, more);
    const begun = this.#begun.get(id);
    if (!more && begun === undefined) {
      return this.#flows(this.#client.events(id, revision, events, false));
    }
    return this.#sendInParts(id, begun ?? this.#begin(id, revision), events, more);
  }

  #sendFragments(
    id: bigint,
    revision: number,
    events: readonly StoreEvent[],
    more: boolean,
  ): boolean {
    const { fragmentBytesMax } = this.#ports;
    let flows = true;
    let start = 0;
    do {
      let bytes = 0;
      let end = start;
      while (end < events.length && (end === start || bytes < fragmentBytesMax)) {
        bytes += eventBytes(events[end]!);
        if (bytes >= fragmentBytesMax && end > start) break;
        end++;
      }
      const fragment = more || end < events.length;
      const piece = events.slice(start, end);
      flows = this.#flows(this.#client.events(id, revision, piece, fragment));
      start = end;
    } while (start < events.length);
    return flows;
  }

  #begin(id: bigint, revision: number): EventsInParts {
    const answer = this.#client.beginEvents(id, revision);
    this.#begun.set(id, answer);
    return answer;
  }

  #sendInParts(
    id: bigint,
    answer: EventsInParts,
    events: readonly StoreEvent[],
    more: boolean,
  ): boolean {
    answer.add(events);
    if (more) return true;
    this.#begun.delete(id);
    return this.#flows(answer.send());
  }

  compacted(watcher: Watcher, floor: number): void {
    this.#end(watcher);
    this.#flows(this.#client.compacted(watcher.id, floor));
  }

  /** Its user may not see that any more. */
  #denied(watcher: Watcher, why: Fault): void {
    this.#end(watcher);
    this.#flows(this.#client.cancelled(watcher.id, why));
  }

  #notice(id: bigint): void {
    const watcher = this.#watchers.get(id);
    if (watcher === undefined) return;
    const { stirred } = watcher;
    watcher.stirred = false;
    const { hub, store } = this.#ports;
    if (!stirred && hub.isCurrent(watcher)) this.#flows(this.#client.progress(id, store.revision));
  }

  /** For all watchers of the stream at once, and only if it is true of all. */
  #tellProgress(answers: number): void {
    const { hub, store } = this.#ports;
    this.#ports.areRightsJudged();
    hub.advance();
    if (this.#watchers.size === 0) return;
    for (const watcher of this.#watchers.values()) if (!hub.isCurrent(watcher)) return;
    for (let i = 0; i < answers; i++) {
      this.#flows(this.#client.progress(undefined, store.revision));
    }
  }

  #freeId(): bigint {
    while (this.#watchers.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #end(watcher: Watcher): void {
    this.#forget(watcher);
    // It was released just now.
    this.#client.charge(endedBytes);
    this.#ended.add(watcher.id);
  }

  #forgetEnded(id: bigint): boolean {
    if (!this.#ended.delete(id)) return false;
    this.#client.release(endedBytes);
    return true;
  }

  #forget(watcher: Watcher): void {
    const { id } = watcher;
    this.#client.release(chargeOf(watcher.options));
    this.#ports.hub.remove(watcher);
    this.#watchers.delete(id);
    this.#rights.get(id)?.forget();
    this.#rights.delete(id);
    this.#fragmented.delete(id);
    this.#notices.delete(id);
    this.#begun.get(id)?.drop();
    this.#begun.delete(id);
  }

  /** The hub hears of it when a reader that is slow has read. */
  #flows(flows: boolean): boolean {
    if (!flows && !this.#isReaderSlow) {
      this.#isReaderSlow = true;
      this.#client.onDrain(() => {
        this.#isReaderSlow = false;
        this.#ports.hub.resumed(this);
        this.#notices.goOn();
      });
    }
    return flows;
  }
}

function chargeOf({ key, rangeEnd }: { readonly key: string; readonly rangeEnd: string }): number {
  return watcherBytes + key.length + rangeEnd.length;
}
