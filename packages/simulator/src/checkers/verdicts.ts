// Where checkers put what they found. The first violation ends the run: what follows a broken
// promise is noise.

import type { Violation } from "@althing/consensus";

export class Verdicts {
  readonly violations: Violation[] = [];
  readonly #onViolation: (violation: Violation) => void;

  constructor(onViolation: (violation: Violation) => void) {
    this.#onViolation = onViolation;
  }

  get clean(): boolean {
    return this.violations.length === 0;
  }

  violate(property: string, detail: string): void {
    const violation = { property, detail };
    this.violations.push(violation);
    this.#onViolation(violation);
  }
}
