// The progress bar of many runs: how far, how fast, what was found. On a terminal one line that is
// redrawn, elsewhere a line now and then, always on standard error.

import type { RunResult, RunVerdict } from "@althing/simulator";

export class Progress {
  readonly #total: number;
  readonly #minutes: number | undefined;
  readonly #workers: number;
  readonly #shown: boolean;
  readonly #startedMs = performance.now();
  #runs = 0;
  #simulatedMs = 0;
  #failures = 0;
  #planned = 0;
  #answered = 0;
  /** Runs in which less than a tenth of the work was done, and those without a demand of progress. */
  #idle = 0;
  #undemanded = 0;
  #drawnMs = 0;
  /** Crashes inside what was under way, by kind; and how often it was. */
  readonly #windows = new Map<string, { opened: number; struck: number }>();
  #crashesAsked = 0;

  constructor(total: number, minutes: number | undefined, workers: number, shown: boolean) {
    this.#total = total;
    this.#minutes = minutes;
    this.#workers = workers;
    this.#shown = shown;
  }

  add(result: RunResult): void {
    this.#runs++;
    this.#simulatedMs += result.simulatedMs;
    if (result.result !== "pass") this.#failures++;
    this.#planned += result.operations;
    this.#answered += result.answered;
    if (result.answered < result.operations / 10) this.#idle++;
    if (!result.progressDemanded) this.#undemanded++;
    this.#crashesAsked += result.crashesAsked;
    for (const [kind, { opened, struck }] of Object.entries(result.windows)) {
      const sum = this.#windows.get(kind) ?? { opened: 0, struck: 0 };
      sum.opened += opened;
      sum.struck += struck;
      this.#windows.set(kind, sum);
    }
    const pause = process.stderr.isTTY ? 100 : 10_000;
    const nowMs = performance.now();
    if (!this.#shown || nowMs - this.#drawnMs < pause) return;
    if (this.#drawnMs === 0 && !process.stderr.isTTY) {
      this.#drawnMs = nowMs;
      return;
    }
    this.#drawnMs = nowMs;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${this.#bar()} ${this.#rates()}`);
    else process.stderr.write(`${this.#rates()}\n`);
  }

  clear(): void {
    if (this.#shown && process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  }

  finish(tally: ReadonlyMap<RunVerdict, number>): void {
    this.clear();
    if (!this.#shown) return;
    const counts = [...tally].map(([verdict, count]) => `${count} ${verdict}`).join(", ");
    process.stderr.write(`${counts}; ${this.#rates()}\n${this.#work()}\n`);
  }

  #work(): string {
    const share = this.#planned === 0 ? 0 : (100 * this.#answered) / this.#planned;
    return (
      `work done: ${this.#answered} of ${this.#planned} planned operations answered (${share.toFixed(0)} %), ` +
      `less than a tenth in ${this.#idle} runs; progress not demanded in ${this.#undemanded}\n` +
      `crashes inside what was under way: ${this.#inside()}; ` +
      `${this.#crashesAsked} times it was asked what one would leave`
    );
  }

  #inside(): string {
    return [...this.#windows]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([kind, { opened, struck }]) => `${kind} ${struck} of ${opened}`)
      .join(", ");
  }

  #bar(): string {
    const spentMs = performance.now() - this.#startedMs;
    const part = Math.min(
      1,
      this.#minutes === undefined ? this.#runs / this.#total : spentMs / (this.#minutes * 60_000),
    );
    const filled = Math.round(part * 24);
    return `[${"#".repeat(filled)}${"-".repeat(24 - filled)}] ${Math.floor(part * 100)} %`;
  }

  #rates(): string {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const speed = this.#simulatedMs / 1000 / seconds;
    return (
      `${this.#runs} runs in ${seconds.toFixed(1)} s, ${(this.#runs / seconds).toFixed(1)} runs/s, ` +
      `${Math.round(speed)} simulated s/s (${Math.round(speed / this.#workers)} per worker), ${this.#failures} failed`
    );
  }
}
