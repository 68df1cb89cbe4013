// What reading costs, in one currency for keys looked at, values read, comparisons made and pairs
// answered: about a byte of memory, or two nanoseconds. One meter goes along with a request through
// everything that it reads, so that no part of it is free.
//
// The weights decide whether a command whose entry carries a bound is refused, which must come out
// the same on every member and for as long as a log lives: whoever changes one gives bounded commands
// a new number in the encoding and keeps the old weights for the old one.

export const workOf = {
  /** A key or one of its versions is looked at in the index. */
  look: 16,
  /** A record is read or a pair answered, beside its bytes. */
  pair: 128,
  /** Two of what is to be sorted are compared. */
  comparison: 16,
  /** And of what two values begin with alike, each byte. */
  commonByte: 0.5,
} as const;

/** What a request that only reads may cost when nobody says otherwise. */
export const readWorkMax = 1024 * 1024 * 1024;

/**
 * What a command of the log may read: it is carried out in one piece, on every member, while the loop
 * waits. Some tens of milliseconds.
 */
export const commandWorkMax = 8 * 1024 * 1024;

export class Meter {
  /** Counts against the bound. Depends on the state and the request alone. */
  spent = 0;
  readonly max: number;
  #worked = 0;
  #pauseAt = Number.POSITIVE_INFINITY;

  constructor(max = Number.POSITIVE_INFINITY) {
    this.max = max;
  }

  get isExhausted(): boolean {
    return this.spent > this.max;
  }

  /** The step has done its part, or the whole request more than it may. */
  get isDue(): boolean {
    return this.#worked >= this.#pauseAt || this.spent > this.max;
  }

  /** Begins a step. */
  allow(work: number): void {
    this.#pauseAt = this.#worked + work;
  }

  charge(work: number): void {
    this.spent += work;
    this.#worked += work;
  }

  /** Takes time, and was charged before, or depends on what another member need not have. */
  pass(work: number): void {
    this.#worked += work;
  }

  /** Whether so much more would be beyond the bound. If so, it is. */
  refuses(work: number): boolean {
    if (this.spent + work <= this.max) return false;
    this.spent += work;
    return true;
  }
}
