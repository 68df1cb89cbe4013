// Time for the core. After a stall at most one tick is delivered, and only after what had arrived in
// the meantime was taken in: a busy loop must not count as silence of the leader (corpus:
// starved-loop-term-storm). Ticks that were missed are gone, never delivered in a burst.

import type { Clock } from "./ports.ts";

export class Ticker {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #tick: (lateMs: number) => void;
  #dueMs = 0;
  #cancel: (() => void) | undefined;
  #stopped = true;

  constructor(clock: Clock, tickMs: number, tick: (lateMs: number) => void) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#tick = tick;
  }

  start(): void {
    this.#stopped = false;
    this.#dueMs = this.#clock.monotonicMs() + this.#tickMs;
    this.#arm(this.#tickMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(ms: number): void {
    this.#cancel = this.#clock.after(ms, () => this.#fired());
  }

  #fired(): void {
    this.#cancel = undefined;
    const lateMs = this.#clock.monotonicMs() - this.#dueMs;
    // Two rounds of input: the first brings what waited in the sockets, the second what the
    // answers of the disk and the first round's work let through.
    this.#clock.soon(() => this.#clock.soon(() => this.#deliver(lateMs)));
  }

  #deliver(lateMs: number): void {
    if (this.#stopped) return;
    const nowMs = this.#clock.monotonicMs();
    this.#dueMs += this.#tickMs;
    // Late by a tick or more: the rhythm starts anew from here.
    if (this.#dueMs <= nowMs) this.#dueMs = nowMs + this.#tickMs;
    this.#arm(this.#dueMs - nowMs);
    this.#tick(lateMs);
  }
}
