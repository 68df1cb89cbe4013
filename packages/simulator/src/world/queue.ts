// The event queue: a binary heap over typed arrays, ordered by time and, within one instant, by the
// order of scheduling. That second key is what makes a run the same run every time.

export class EventQueue<T> {
  #times = new Float64Array(1024);
  #orders = new Float64Array(1024);
  #items: (T | undefined)[] = new Array<T | undefined>(1024).fill(undefined);
  #size = 0;
  #nextOrder = 0;

  get size(): number {
    return this.#size;
  }

  /** Time of the earliest item; Infinity when there is none. */
  get nextTime(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number);
  }

  push(time: number, item: T): void {
    if (this.#size === this.#items.length) this.#grow();
    const times = this.#times;
    const orders = this.#orders;
    const items = this.#items;
    const order = this.#nextOrder++;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      // A new item has the highest order, so it rises only above strictly later times.
      if ((times[parent] as number) <= time) break;
      times[at] = times[parent] as number;
      orders[at] = orders[parent] as number;
      items[at] = items[parent];
      at = parent;
    }
    times[at] = time;
    orders[at] = order;
    items[at] = item;
  }

  /** The earliest item, or undefined. */
  pop(): T | undefined {
    if (this.#size === 0) return undefined;
    const times = this.#times;
    const orders = this.#orders;
    const items = this.#items;
    const first = items[0];
    const last = --this.#size;
    const time = times[last] as number;
    const order = orders[last] as number;
    const item = items[last];
    items[last] = undefined;
    if (last === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      const right = child + 1;
      if (
        right < last &&
        ((times[right] as number) < (times[child] as number) ||
          (times[right] === times[child] && (orders[right] as number) < (orders[child] as number)))
      ) {
        child = right;
      }
      const childTime = times[child] as number;
      if (childTime > time || (childTime === time && (orders[child] as number) > order)) break;
      times[at] = childTime;
      orders[at] = orders[child] as number;
      items[at] = items[child];
      at = child;
    }
    times[at] = time;
    orders[at] = order;
    items[at] = item;
    return first;
  }

  #grow(): void {
    const capacity = this.#items.length * 2;
    const times = new Float64Array(capacity);
    times.set(this.#times);
    const orders = new Float64Array(capacity);
    orders.set(this.#orders);
    this.#times = times;
    this.#orders = orders;
    while (this.#items.length < capacity) this.#items.push(undefined);
  }
}
