// What a lossy disk asks of the machine that it is part of.

import type { EngineTimers } from "../blocks/ports.ts";

/** The machine underneath. */
export interface LossyDevice {
  /** Takes so many bytes. `land` when it has them or not, in order, whatever the process does; then `tell` the process. */
  commit(name: string, bytes: number, growth: () => number, landing: Landing): void;
  /** The state that is named in force is about to be another one. Either throws. */
  writeName(): void;
  syncName(): void;
  readonly soon: EngineTimers["soon"];
  /** What was committed since the view was last renewed may be read. */
  showsEarly(): boolean;
}

export interface Landing {
  land(error: Error | undefined): void;
  tell(): void;
}
