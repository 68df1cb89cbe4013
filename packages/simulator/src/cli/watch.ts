// Who waits for an exploration: sees how far it is, may interrupt it, and has as much patience as they said.

import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import type { Exploration, Progress } from "@althing/simulator/explore";

/** A line that is rewritten, or, where output is kept, one now and then. */
const everyMs = process.stderr.isTTY ? 250 : 60_000;
/** So often signals are let in. */
const breathMs = 50;

export class Watch {
  readonly #startedMs = performance.now();
  readonly #endMs: number;
  readonly #stop = (): void => {
    // A second time ends at once, as without this.
    process.off("SIGINT", this.#stop);
    this.isStopped = true;
  };
  #toldMs = this.#startedMs;
  #toldStates = 0;
  #breathedMs = this.#startedMs;
  isStopped = false;

  constructor(minutes: number) {
    this.#endMs = this.#startedMs + minutes * 60_000;
    process.on("SIGINT", this.#stop);
  }

  close(): void {
    process.off("SIGINT", this.#stop);
  }

  async follow(exploring: Generator<Progress, Exploration, boolean>): Promise<Exploration> {
    for (;;) {
      const step = exploring.next(this.isStopped);
      if (step.done === true) {
        this.#clear();
        return step.value;
      }
      await this.#look(step.value);
    }
  }

  async #look(progress: Progress): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#breathedMs > breathMs) {
      await setImmediate();
      this.#breathedMs = nowMs;
    }
    if (nowMs - this.#toldMs > everyMs) this.#tell(progress, nowMs);
    if (nowMs > this.#endMs) this.isStopped = true;
  }

  #clear(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    this.#toldStates = 0;
  }

  #tell({ depth, states, waiting, found }: Progress, nowMs: number): void {
    const rate = ((states - this.#toldStates) / (nowMs - this.#toldMs)) * 1000;
    const gigabytes = (process.memoryUsage().rss / 2 ** 30).toFixed(1);
    const line = `${depth} moves deep: ${states} states, ${Math.round(rate)} a second; ${waiting} to go on from, ${found} beyond them; ${gigabytes} GB`;
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
    this.#toldMs = nowMs;
    this.#toldStates = states;
  }
}
