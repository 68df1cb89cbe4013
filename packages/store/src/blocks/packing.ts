// Blocks of which less than half is gone are left alone, until somebody asks for the space of all that was removed: then
// one pass over all of them puts together what is left of neighbours. It takes many commits, and none that
// something else waits for.

export interface Place {
  readonly main: number;
  readonly sub: number;
}

const start: Place = { main: 0, sub: 0 };

export class Packing {
  #begun = 0;
  #finished = 0;
  #from = start;

  /** Which pass whoever asks now waits for: the one that is under way has been over some blocks already. */
  ask(): number {
    return this.#begun + 1;
  }

  isDone(pass: number): boolean {
    return pass <= this.#finished;
  }

  /** Where the pass goes on; or a new one begins. */
  next(): Place {
    if (this.#begun === this.#finished) {
      this.#begun++;
      this.#from = start;
    }
    return this.#from;
  }

  /** The disk has all that is before it; undefined: there is nothing after it. */
  reached(place: Place | undefined): void {
    if (place === undefined) this.#finished = this.#begun;
    else this.#from = place;
  }
}
