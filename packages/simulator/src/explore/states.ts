// The states of the whole that were reached: rows of equally many numbers, each kept once, in the order in
// which they were found, with the state that led there. Compared number by number, so no two are mixed up.

const firstRows = 1 << 16;

export class States {
  readonly #width: number;
  #rows: Int32Array;
  #parents: Int32Array;
  #table: Int32Array;
  #count = 0;

  constructor(width: number) {
    this.#width = width;
    this.#rows = new Int32Array(firstRows * width);
    this.#parents = new Int32Array(firstRows);
    this.#table = new Int32Array(firstRows * 2).fill(-1);
  }

  get count(): number {
    return this.#count;
  }

  /** False when the state was known. */
  add(row: readonly number[], parent: number): boolean {
    if (this.#count === this.#parents.length) this.#grow();
    const mask = this.#table.length - 1;
    let place = this.#hash(row, 0) & mask;
    for (; this.#table[place]! >= 0; place = (place + 1) & mask) {
      if (this.#isAt(this.#table[place]!, row)) return false;
    }
    this.#table[place] = this.#count;
    this.#rows.set(row, this.#count * this.#width);
    this.#parents[this.#count++] = parent;
    return true;
  }

  at(number: number): number[] {
    const start = number * this.#width;
    return Array.from(this.#rows.subarray(start, start + this.#width));
  }

  parentOf(number: number): number {
    return this.#parents[number]!;
  }

  #isAt(number: number, row: readonly number[]): boolean {
    const start = number * this.#width;
    for (let i = 0; i < this.#width; i++) if (this.#rows[start + i] !== row[i]) return false;
    return true;
  }

  #hash(row: ArrayLike<number>, start: number): number {
    let hash = 0x9e3779b9;
    for (let i = 0; i < this.#width; i++) {
      hash = Math.imul(hash ^ row[start + i]!, 0x85ebca6b);
      hash = (hash ^ (hash >>> 13)) | 0;
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35);
    return (hash ^ (hash >>> 15)) >>> 0;
  }

  #grow(): void {
    const rows = new Int32Array(this.#rows.length * 2);
    rows.set(this.#rows);
    this.#rows = rows;
    const parents = new Int32Array(this.#parents.length * 2);
    parents.set(this.#parents);
    this.#parents = parents;
    this.#table = new Int32Array(parents.length * 2).fill(-1);
    const mask = this.#table.length - 1;
    for (let number = 0; number < this.#count; number++) {
      let place = this.#hash(this.#rows, number * this.#width) & mask;
      while (this.#table[place]! >= 0) place = (place + 1) & mask;
      this.#table[place] = number;
    }
  }
}
