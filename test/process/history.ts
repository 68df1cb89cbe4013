// What clients of a real cluster did and were told, in the form that the linearizability checker judges. An
// outcome that the client cannot know stays unknown: the write may have happened, or may happen yet.

import {
  checkLinearizability,
  keysOf,
} from "../../packages/simulator/src/linearizability/check.ts";
import {
  type Action,
  type Compare,
  describeOperation,
  type Operation,
  type Outcome,
} from "../../packages/simulator/src/linearizability/model.ts";

/** Enough for tens of thousands of operations; more means that the history itself is odd. */
const stepsMax = 50_000_000;

export interface Call {
  readonly client: number;
  readonly compares: readonly Compare[];
  readonly success: readonly Action[];
  readonly failure: readonly Action[];
}

export class History {
  readonly #operations: Operation[] = [];
  #clock = 0;
  #answered = 0;
  #unknown = 0;

  /** Returns what to call once, when the call has ended: with an outcome, or that it is unknown. */
  begin(call: Call): (outcome: Outcome | "unknown" | "did not happen") => void {
    const called = this.#clock++;
    return (outcome) => {
      const returned = this.#clock++;
      if (outcome === "did not happen") return;
      if (outcome === "unknown") {
        this.#unknown += 1;
        // A read that did not answer changed nothing and told nothing.
        const isRead = [...call.success, ...call.failure].every((action) => action.kind === "get");
        if (isRead) return;
        const never = Number.POSITIVE_INFINITY;
        this.#operations.push({ ...call, called, returned: never, outcome: undefined });
        return;
      }
      this.#answered += 1;
      this.#operations.push({ ...call, called, returned, outcome });
    };
  }

  get answered(): number {
    return this.#answered;
  }

  get unknown(): number {
    return this.#unknown;
  }

  /** Throws with the smallest group of operations that no order explains. */
  check(): void {
    const history = [...this.#operations].sort((a, b) => a.called - b.called);
    const verdict = checkLinearizability(history, { stepsMax });
    if (verdict.kind === "linearizable") return;
    const shown = verdict.operations.map(describeOperation);
    const keys = [...new Set(verdict.operations.flatMap(keysOf))];
    const cut = shown.length > 200 ? ["…", ...shown.slice(-200)] : shown;
    throw new Error(
      `the history is not linearizable (${verdict.kind}, keys ${keys.join(", ")}):\n${cut.join("\n")}`,
    );
  }
}
