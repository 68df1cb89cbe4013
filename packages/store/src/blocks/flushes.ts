// Who waits for the disk, and for how much of it.

import type { Upkeep } from "./upkeep.ts";

type Done = (error: Error | undefined) => void;

interface Flush {
  /** Answered when so many batches are written. */
  readonly batches: number;
  /** Also until what tells mostly of what is gone is written anew. */
  readonly tidily: boolean;
  /** And until this pass has packed all blocks; 0: none. */
  readonly pass: number;
  readonly done: Done;
}

export class Flushes {
  #waiting: Flush[] = [];

  add(flush: Flush): void {
    this.#waiting.push(flush);
  }

  /** Somebody waits for something to be written anew. */
  wantTidiness(upkeep: Upkeep): boolean {
    return (
      this.wantPacking(upkeep) || (!upkeep.isDone && this.#waiting.some(({ tidily }) => tidily))
    );
  }

  wantPacking({ packing }: Upkeep): boolean {
    return this.#waiting.some(({ pass }) => !packing.isDone(pass));
  }

  /** So many batches are written. */
  reached(batches: number, upkeep: Upkeep): void {
    const isAnswered = (flush: Flush) =>
      flush.batches <= batches &&
      (upkeep.isDone || !flush.tidily) &&
      upkeep.packing.isDone(flush.pass);
    const answered = this.#waiting.filter(isAnswered);
    this.#waiting = this.#waiting.filter((flush) => !isAnswered(flush));
    for (const { done } of answered) done(undefined);
  }

  /** Nobody waits any longer. */
  end(error: Error | undefined): void {
    for (const { done } of this.#waiting.splice(0)) done(error);
  }
}
