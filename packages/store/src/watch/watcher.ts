// One who watches, and where its events go.

import type { Key, StoreEvent } from "../contract.ts";

export interface WatcherOptions {
  readonly key: Key;
  readonly rangeEnd: Key;
  readonly prevKv: boolean;
  readonly puts: boolean;
  readonly deletes: boolean;
}

/** Where a watcher's events go. */
export interface WatchSink {
  /**
   * Takes them all. `more`: the revision goes on, what comes next for this watcher belongs to the same message,
   * and is maybe nothing; it has begun and is not kept waiting. Otherwise false: wait for `resumed` before more
   * is sent to this sink.
   */
  events(watcher: Watcher, revision: number, events: readonly StoreEvent[], more: boolean): boolean;
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

/** Those of the events that it wants, as it wants them. */
export function seenBy(
  options: WatcherOptions,
  events: readonly StoreEvent[],
): readonly StoreEvent[] {
  if (events.every((event) => wants(options, event) && isWhole(options, event))) return events;
  const seen: StoreEvent[] = [];
  for (const event of events) {
    if (!wants(options, event)) continue;
    seen.push(isWhole(options, event) ? event : { ...event, prevKv: undefined });
  }
  return seen;
}

function wants({ puts, deletes }: WatcherOptions, event: StoreEvent): boolean {
  return event.type === "put" ? puts : deletes;
}

function isWhole({ prevKv }: WatcherOptions, event: StoreEvent): boolean {
  return prevKv || event.prevKv === undefined;
}

/** About how many bytes an event takes in a message. */
export function eventBytes({ kv, prevKv }: StoreEvent): number {
  const previous = prevKv === undefined ? 0 : prevKv.key.length + prevKv.value.length + 48;
  return kv.key.length + kv.value.length + 48 + previous;
}
