// Keeps in bounds what the state machine holds in memory because its disk takes less than is applied. Beyond
// the bound nothing more is applied here, the log holds what is committed, and a leader takes no proposal.
// Heartbeats, votes and the log go on: only the state waits for its disk. When the disk takes nothing any
// more the member fails, whether anybody writes or not.

import type { StateMachine } from "./state-machine.ts";
import type { Turn } from "./turn.ts";

const UNWRITTEN_BYTES_MAX = 64 * 1024 * 1024;

export class StatePressure {
  readonly #turn: Pick<Turn, "observe" | "fail">;
  readonly #machine: Pick<StateMachine, "unwrittenBytes" | "failure">;
  #wasBehind = false;

  constructor(
    turn: Pick<Turn, "observe" | "fail">,
    machine: Pick<StateMachine, "unwrittenBytes" | "failure">,
  ) {
    this.#turn = turn;
    this.#machine = machine;
  }

  /** It ends by itself, as batches reach the disk: whoever waits for that asks again at the next tick. */
  get isBehind(): boolean {
    return (
      this.#machine.failure !== undefined || this.#machine.unwrittenBytes > UNWRITTEN_BYTES_MAX
    );
  }

  tick(): void {
    const { failure } = this.#machine;
    if (failure !== undefined) {
      this.#turn.fail("the store's disk takes nothing any more", failure);
      return;
    }
    const { isBehind } = this;
    if (isBehind === this.#wasBehind) return;
    this.#wasBehind = isBehind;
    const bytes = this.#machine.unwrittenBytes;
    if (isBehind) this.#turn.observe({ kind: "store.behind", level: "warn", bytes });
    else this.#turn.observe({ kind: "store.caughtUp", level: "info", bytes });
  }
}
