// The states of one level, in whole, for as long as they are to be gone on from: rows of numbers in pieces,
// each piece given back once it was read. And the ways that led to all states: five bytes each, from which
// a state that is no longer held is made again by the moves that led to it.

const pieceRows = 1 << 16;

export class Level {
  readonly #width: number;
  readonly #pieces: (Int32Array | undefined)[] = [];
  #count = 0;

  constructor(width: number) {
    this.#width = width;
  }

  get count(): number {
    return this.#count;
  }

  push(row: Int32Array): void {
    const place = this.#count % pieceRows;
    if (place === 0) this.#pieces.push(new Int32Array(pieceRows * this.#width));
    this.#pieces[this.#pieces.length - 1]!.set(row, place * this.#width);
    this.#count++;
  }

  /** Each row once, in order; gives back what was read. */
  take(at: number, into: Int32Array): void {
    const piece = Math.floor(at / pieceRows);
    const start = (at % pieceRows) * this.#width;
    into.set(this.#pieces[piece]!.subarray(start, start + this.#width));
    if (at % pieceRows === pieceRows - 1) this.#pieces[piece] = undefined;
  }
}

export class Ways {
  readonly #parents: Uint32Array[] = [];
  readonly #moves: Uint8Array[] = [];
  #count = 0;

  /** In the order in which states are found; `move` is its place among the moves of the parent. */
  add(parent: number, move: number): void {
    if (move > 255) throw new Error("a state has more moves than a way can tell apart");
    const place = this.#count % pieceRows;
    if (place === 0) {
      this.#parents.push(new Uint32Array(pieceRows));
      this.#moves.push(new Uint8Array(pieceRows));
    }
    this.#parents[this.#parents.length - 1]![place] = parent;
    this.#moves[this.#moves.length - 1]![place] = move;
    this.#count++;
  }

  /** The places of the moves from the first state to this one. */
  to(state: number): number[] {
    const places: number[] = [];
    for (let at = state; at > 0; ) {
      const piece = Math.floor(at / pieceRows);
      places.push(this.#moves[piece]![at % pieceRows]!);
      at = this.#parents[piece]![at % pieceRows]!;
    }
    return places.reverse();
  }
}
