// Those that are up to date, by what they watch: who watches a key is found without a look at the others,
// however many they are. They may come and go while somebody goes through them.

import type { Key } from "../contract.ts";
import { beyondAllKeys, type Entry, type Meets, type Place, RangeIndex } from "./range-index.ts";
import type { Watcher, WatcherOptions } from "./watcher.ts";

/** Those that watch the very same. Most are alone, and a set of one takes more memory than they do. */
export type Group = Watcher | Set<Watcher>;

export class Followers {
  readonly #all = new Set<Watcher>();
  readonly #ofKey = new Map<Key, Group>();
  readonly #ofRange = new RangeIndex<Group>();
  #wantPrevious = 0;

  get size(): number {
    return this.#all.size;
  }

  /** Any of them wants what was there before. */
  get wantPrevious(): boolean {
    return this.#wantPrevious > 0;
  }

  has(watcher: Watcher): boolean {
    return this.#all.has(watcher);
  }

  all(): IterableIterator<Watcher> {
    return this.#all.values();
  }

  add(watcher: Watcher): void {
    const { options } = watcher;
    this.#all.add(watcher);
    if (options.prevKv) this.#wantPrevious++;
    const others = this.#groupOf(options);
    if (others instanceof Set) others.add(watcher);
    else this.#setGroup(options, others, others ? new Set([others, watcher]) : watcher);
  }

  /** Whether it was one of them. */
  delete(watcher: Watcher): boolean {
    if (!this.#all.delete(watcher)) return false;
    const { options } = watcher;
    if (options.prevKv) this.#wantPrevious--;
    const group = this.#groupOf(options)!;
    if (group instanceof Set) group.delete(watcher);
    if (group === watcher || (group instanceof Set && group.size === 0)) {
      this.#setGroup(options, group, undefined);
    }
    return true;
  }

  /** Those that watch this key alone. */
  ofKey(key: Key): Group | undefined {
    return this.#ofKey.get(key);
  }

  /** The first range after `after` that meets what is sought, and those that watch it. */
  nextRange(after: Place | undefined, meets: Meets): Entry<Group> | undefined {
    return this.#ofRange.next(after, meets);
  }

  #groupOf(options: WatcherOptions): Group | undefined {
    const { key, rangeEnd } = options;
    return rangeEnd === "" ? this.#ofKey.get(key) : this.#ofRange.get(placeOf(options));
  }

  #setGroup(options: WatcherOptions, old: Group | undefined, group: Group | undefined): void {
    if (options.rangeEnd === "") {
      if (group === undefined) this.#ofKey.delete(options.key);
      else this.#ofKey.set(options.key, group);
      return;
    }
    const place = placeOf(options);
    if (old !== undefined) this.#ofRange.delete(place);
    if (group !== undefined) this.#ofRange.add(place, group);
  }
}

function placeOf({ key, rangeEnd }: WatcherOptions): Place {
  return { start: key, end: rangeEnd === "\0" ? beyondAllKeys : rangeEnd };
}
