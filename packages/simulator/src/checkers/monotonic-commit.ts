// The commit index only grows (Raft Figure 2: "increases monotonically"), and never passes the end of
// the log or what is applied: within one life, what is once known to be decided stays so.

import type { CoreStatus } from "@althing/consensus";
import type { Verdicts } from "./verdicts.ts";

export class MonotonicCommit {
  readonly #highest = new Map<string, number>();
  readonly #verdicts: Verdicts;

  constructor(verdicts: Verdicts) {
    this.#verdicts = verdicts;
  }

  started(member: string): void {
    this.#highest.delete(member);
  }

  observed(member: string, status: CoreStatus): void {
    const before = this.#highest.get(member) ?? 0;
    if (status.commitIndex < before) {
      this.#verdicts.violate(
        "monotonic commit",
        `the commit index of ${member} went back from ${before} to ${status.commitIndex}`,
      );
    }
    if (status.appliedIndex > status.commitIndex) {
      this.#verdicts.violate(
        "monotonic commit",
        `${member} applied ${status.appliedIndex}, beyond its commit index ${status.commitIndex}`,
      );
    }
    this.#highest.set(member, status.commitIndex);
  }
}
