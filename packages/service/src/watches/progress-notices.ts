// Notices of progress: to each watcher that asked for them, now and then. There may be a quarter of a million, so
// some are told at a time, and none while the reader is slow.

/** A step of about a millisecond. */
const toldPerStep = 256;

interface NoticePorts {
  tell(id: bigint): void;
  isReaderSlow(): boolean;
  /** Calls in some turns, until false. */
  inSteps(step: () => boolean): void;
}

export class ProgressNotices {
  readonly #ports: NoticePorts;
  readonly #wanted = new Set<bigint>();
  /** Those that are still to be told this time. */
  #left: Iterator<bigint> | undefined;
  #isTelling = false;

  constructor(ports: NoticePorts) {
    this.#ports = ports;
  }

  add(id: bigint): void {
    this.#wanted.add(id);
  }

  delete(id: bigint): void {
    this.#wanted.delete(id);
  }

  /** Unless it has not come to the end of the last time yet. */
  begin(): void {
    if (this.#wanted.size === 0 || this.#left !== undefined) return;
    this.#left = this.#wanted.values();
    this.goOn();
  }

  /** After the reader was slow. */
  goOn(): void {
    if (this.#left === undefined || this.#isTelling) return;
    const { tell, isReaderSlow, inSteps } = this.#ports;
    this.#isTelling = true;
    inSteps(() => {
      for (let left = toldPerStep; left > 0 && !isReaderSlow(); left--) {
        const next = this.#left?.next();
        if (next === undefined || next.done) this.#left = undefined;
        else tell(next.value);
      }
      this.#isTelling = this.#left !== undefined && !isReaderSlow();
      return this.#isTelling;
    });
  }

  end(): void {
    this.#left = undefined;
  }
}
