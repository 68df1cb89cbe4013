// Who waits for the disk, and for how much of it.

type Done = (error: Error | undefined) => void;

interface Flush {
  /** Answered when so many batches are written. */
  readonly batches: number;
  /** Also until the space of all that was removed is free. */
  readonly thorough: boolean;
  readonly done: Done;
}

export class Flushes {
  #waiting: Flush[] = [];

  add(flush: Flush): void {
    this.#waiting.push(flush);
  }

  get someThorough(): boolean {
    return this.#waiting.some(({ thorough }) => thorough);
  }

  /** So many batches are written, and the space of what was removed is free or not. */
  reached(batches: number, isTidy: boolean): void {
    const isAnswered = (flush: Flush) => flush.batches <= batches && (isTidy || !flush.thorough);
    const answered = this.#waiting.filter(isAnswered);
    this.#waiting = this.#waiting.filter((flush) => !isAnswered(flush));
    for (const { done } of answered) done(undefined);
  }

  /** Nobody waits any longer. */
  end(error: Error | undefined): void {
    for (const { done } of this.#waiting.splice(0)) done(error);
  }
}
