// The state machine's own housekeeping in small steps between turns: what compaction made obsolete is
// removed while there is time, never in one go that would hold the loop.

import type { Clock } from "./ports.ts";
import type { StateMachine } from "./state-machine.ts";

const PAUSE_MS = 2;

export class Maintenance {
  readonly #clock: Clock;
  readonly #machine: StateMachine;
  #underWay = false;
  #stopped = false;

  constructor(clock: Clock, machine: StateMachine) {
    this.#clock = clock;
    this.#machine = machine;
  }

  tick(): void {
    if (this.#underWay || this.#machine.compactionPending !== true) return;
    this.#underWay = true;
    this.#clock.after(PAUSE_MS, () => this.#step());
  }

  stop(): void {
    this.#stopped = true;
  }

  #step(): void {
    this.#underWay = false;
    if (this.#stopped || this.#machine.compactionPending !== true) return;
    if (this.#machine.compactStep?.() === true) this.tick();
  }
}
