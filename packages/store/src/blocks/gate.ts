// Closed while something is under way: who needs it to be over passes then.

export class Gate {
  #underWay = 0;
  #waiting: (() => void)[] = [];

  get isClosed(): boolean {
    return this.#underWay > 0;
  }

  /** Somebody waits for it to open. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  begin(): void {
    this.#underWay++;
  }

  end(): void {
    if (--this.#underWay === 0) for (const run of this.#waiting.splice(0)) run();
  }

  /** At once where nothing is under way. */
  pass(run: () => void): void {
    if (this.isClosed) this.#waiting.push(run);
    else run();
  }
}
