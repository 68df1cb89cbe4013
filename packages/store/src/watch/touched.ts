// Whom the events of one revision touch, and with which of them: one group of watchers after the other. There
// may be half a million events and as many groups, so it comes in small steps, between which watchers may come
// and go; a step that found nobody yields nothing.

import type { Key, StoreEvent } from "../contract.ts";
import { SteppedSort } from "../mvcc/stepped-sort.ts";
import { Meter, workOf } from "../mvcc/work.ts";
import type { Followers, Group } from "./followers.ts";
import type { Place } from "./range-index.ts";

export interface Touched {
  readonly group: Group;
  /** In the order in which they happened. */
  readonly events: readonly StoreEvent[];
}

/** Events, keys or ranges that are looked at in one step. */
const looksPerStep = 512;

type Steps<Result> = Generator<undefined, Result>;

export function* touchedBy(
  followers: Followers,
  events: readonly StoreEvent[],
): Generator<Touched | undefined, void> {
  const sorted = new SortedEvents(events, yield* orderOf(events));
  let looks = 0;
  for (let place = 0; place < events.length; ) {
    const key = sorted.keyAt(place);
    const end = sorted.endOf(place);
    const group = followers.ofKey(key);
    if (group !== undefined) yield { group, events: sorted.between(place, end) };
    else if (++looks % looksPerStep === 0) yield;
    place = end;
  }
  // Whoever has looked at enough takes the next range there is, whether it is touched or not.
  const meets = (start: Key, end: Key) => ++looks > looksPerStep || sorted.meets(start, end);
  const next = (after: Place | undefined) => {
    looks = 0;
    return followers.nextRange(after, meets);
  };
  for (let range = next(undefined); range !== undefined; range = next(range)) {
    if (!sorted.meets(range.start, range.end)) yield;
    else yield { group: range.value, events: yield* sorted.within(range) };
  }
}

/** The places of the events by key, and of those of one key as they happened. */
function* orderOf(events: readonly StoreEvent[]): Steps<ArrayLike<number> | undefined> {
  const { length } = events;
  let inOrder = 1;
  while (inOrder < length && events[inOrder - 1]!.kv.key <= events[inOrder]!.kv.key) {
    if (++inOrder % looksPerStep === 0) yield;
  }
  // A deletion goes through its range in this order.
  if (inOrder >= length) return undefined;
  const meter = new Meter();
  const compare = (a: number, b: number) => {
    const left = events[a]!.kv.key;
    const right = events[b]!.kv.key;
    return left === right ? 0 : left < right ? -1 : 1;
  };
  const sort = new SteppedSort(length, compare, meter);
  for (;;) {
    meter.allow(looksPerStep * workOf.comparison);
    if (sort.step()) return sort.order;
    yield;
  }
}

class SortedEvents {
  readonly #events: readonly StoreEvent[];
  /** Undefined: as they are. */
  readonly #order: ArrayLike<number> | undefined;

  constructor(events: readonly StoreEvent[], order: ArrayLike<number> | undefined) {
    this.#events = events;
    this.#order = order;
  }

  keyAt(place: number): Key {
    return this.#at(place).kv.key;
  }

  /** Of the events of one key. */
  endOf(place: number): number {
    const key = this.keyAt(place);
    let end = place + 1;
    while (end < this.#events.length && this.keyAt(end) === key) end++;
    return end;
  }

  meets(start: Key, end: Key): boolean {
    const first = this.#firstFrom(start);
    return first < this.#events.length && this.keyAt(first) < end;
  }

  *within({ start, end }: Place): Steps<readonly StoreEvent[]> {
    const first = this.#firstFrom(start);
    const last = this.#firstFrom(end);
    if (this.#order === undefined || last - first < looksPerStep) return this.between(first, last);
    const events: StoreEvent[] = [];
    let looks = 0;
    for (const event of this.#events) {
      const { key } = event.kv;
      if (start <= key && key < end) events.push(event);
      if (++looks % looksPerStep === 0) yield;
    }
    return events;
  }

  between(first: number, last: number): readonly StoreEvent[] {
    const events = this.#events;
    if (last - first === events.length) return events;
    if (this.#order === undefined) return events.slice(first, last);
    const places = Array.from({ length: last - first }, (_, i) => this.#order![first + i]!);
    return places.sort((a, b) => a - b).map((place) => events[place]!);
  }

  #at(place: number): StoreEvent {
    return this.#events[this.#order === undefined ? place : this.#order[place]!]!;
  }

  #firstFrom(key: Key): number {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.keyAt(middle) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
