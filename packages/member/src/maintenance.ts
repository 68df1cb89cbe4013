// The store's own housekeeping in small steps between turns: what compaction made obsolete is removed
// while there is time, never in one go that would hold the loop.

import type { OpenedStore, Store } from "@althing/store";
import type { Clock } from "./ports.ts";

const PAUSE_MS = 2;

export class Maintenance {
  readonly #clock: Clock;
  readonly #store: Store & Partial<Pick<OpenedStore, "compactionPending" | "compactStep">>;
  #underWay = false;
  #stopped = false;

  constructor(clock: Clock, store: Store) {
    this.#clock = clock;
    this.#store = store;
  }

  tick(): void {
    if (this.#underWay || this.#store.compactionPending !== true) return;
    this.#underWay = true;
    this.#clock.after(PAUSE_MS, () => this.#step());
  }

  stop(): void {
    this.#stopped = true;
  }

  #step(): void {
    this.#underWay = false;
    if (this.#stopped || this.#store.compactionPending !== true) return;
    if (this.#store.compactStep?.() === true) this.tick();
  }
}
