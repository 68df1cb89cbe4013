// Which of many things is due next. A heap that knows the place of each, so that a deadline that moves
// (a lease that is kept alive) costs a few steps, however many others there are, and nothing is looked at
// before it is due. Equal times go by id: the order is the same wherever the same was done.

interface Entry {
  readonly id: bigint;
  atMs: number;
  place: number;
}

export class Deadlines {
  readonly #heap: Entry[] = [];
  readonly #byId = new Map<bigint, Entry>();
  /** Moves within the heap since the beginning: what all of it cost. */
  steps = 0;

  get size(): number {
    return this.#heap.length;
  }

  at(id: bigint): number | undefined {
    return this.#byId.get(id)?.atMs;
  }

  /** The earliest; undefined when there is none. */
  first(): { readonly id: bigint; readonly atMs: number } | undefined {
    return this.#heap[0];
  }

  set(id: bigint, atMs: number): void {
    let entry = this.#byId.get(id);
    if (entry === undefined) {
      entry = { id, atMs, place: this.#heap.length };
      this.#heap.push(entry);
      this.#byId.set(id, entry);
    } else entry.atMs = atMs;
    this.#rise(entry);
    this.#sink(entry);
  }

  delete(id: bigint): void {
    const entry = this.#byId.get(id);
    if (entry === undefined) return;
    this.#byId.delete(id);
    const last = this.#heap.pop()!;
    if (last === entry) return;
    this.#put(last, entry.place);
    this.#rise(last);
    this.#sink(last);
  }

  clear(): void {
    this.#heap.length = 0;
    this.#byId.clear();
  }

  /** In no order. */
  forEach(visit: (id: bigint, atMs: number) => void): void {
    for (const { id, atMs } of this.#heap) visit(id, atMs);
  }

  #rise(entry: Entry): void {
    while (entry.place > 0) {
      const above = this.#heap[(entry.place - 1) >> 1]!;
      if (!isEarlier(entry, above)) return;
      this.#swap(entry, above);
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const left = this.#heap[2 * entry.place + 1];
      const right = this.#heap[2 * entry.place + 2];
      if (left === undefined) return;
      const below = right !== undefined && isEarlier(right, left) ? right : left;
      if (!isEarlier(below, entry)) return;
      this.#swap(entry, below);
    }
  }

  #swap(one: Entry, other: Entry): void {
    const { place } = one;
    this.#put(one, other.place);
    this.#put(other, place);
  }

  #put(entry: Entry, place: number): void {
    this.steps++;
    this.#heap[place] = entry;
    entry.place = place;
  }
}

function isEarlier(one: Entry, other: Entry): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.id < other.id);
}
