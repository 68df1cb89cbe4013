// The keys that the deletions of a transaction cover, as half-open intervals in sorted runs, each at least twice
// as long as the one after it. So an interval moves no more often than there are runs, in whatever order they
// come: a request may nest a hundred thousand deletions, and is judged on every member while its loop waits.

import type { Key } from "../contract.ts";

/** Sorted and disjoint. Never changed. */
interface Run {
  readonly starts: readonly Key[];
  readonly ends: readonly Key[];
}

export class DeletedKeys {
  readonly #runs: Run[] = [];
  #moved = 0;

  /** Intervals that were put in order, for tests of the cost. */
  get moved(): number {
    return this.#moved;
  }

  get isEmpty(): boolean {
    return this.#runs.length === 0;
  }

  /** An empty or inverted interval adds nothing. */
  add(start: Key, end: Key): void {
    if (start < end) this.#push({ starts: [start], ends: [end] });
  }

  addAll(other: DeletedKeys): void {
    this.#moved += other.#moved;
    for (const run of other.#runs) this.#push(run);
  }

  has(key: Key): boolean {
    return this.#runs.some((run) => isIn(run, key));
  }

  #push(run: Run): void {
    let last = run;
    for (
      let before = this.#runs.at(-1);
      before !== undefined && before.starts.length < 2 * last.starts.length;
      before = this.#runs.at(-1)
    ) {
      this.#runs.pop();
      this.#moved += before.starts.length + last.starts.length;
      last = merged(before, last);
    }
    this.#runs.push(last);
  }
}

function merged(a: Run, b: Run): Run {
  const starts: Key[] = [];
  const ends: Key[] = [];
  const add = (start: Key, end: Key): void => {
    const last = ends.length - 1;
    if (last < 0 || start > ends[last]!) {
      starts.push(start);
      ends.push(end);
    } else if (end > ends[last]!) ends[last] = end;
  };
  let i = 0;
  let j = 0;
  while (i < a.starts.length || j < b.starts.length) {
    const takesA = j === b.starts.length || (i < a.starts.length && a.starts[i]! <= b.starts[j]!);
    if (takesA) add(a.starts[i]!, a.ends[i++]!);
    else add(b.starts[j]!, b.ends[j++]!);
  }
  return { starts, ends };
}

function isIn({ starts, ends }: Run, key: Key): boolean {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= key) low = middle + 1;
    else high = middle;
  }
  return low > 0 && key < ends[low - 1]!;
}
