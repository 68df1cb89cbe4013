// Leader Completeness (Raft §5.4, Figure 3): an entry committed in a given term is present in the logs
// of the leaders of all higher terms. Zab §IV, Phase 1 promises the same of an established leader.
// Paxos does not: its leader learns what is chosen in phase 1 and may begin with gaps.

import type { Core } from "@althing/consensus";
import type { Committed } from "./state-machine-safety.ts";
import type { Verdicts } from "./verdicts.ts";

/** How far back a new leader's log is compared; log matching covers what lies before. */
const compared = 32;

export class LeaderCompleteness {
  readonly #verdicts: Verdicts;
  readonly #applies: boolean;

  constructor(verdicts: Verdicts, protocol: string) {
    this.#verdicts = verdicts;
    this.#applies = protocol !== "paxos";
  }

  becameLeader(
    member: string,
    epoch: number,
    core: Core<unknown, unknown>,
    committed: readonly (Committed | undefined)[],
  ): void {
    if (!this.#applies) return;
    const { firstIndex } = core.status();
    let left = compared;
    for (let index = committed.length - 1; index >= firstIndex && left > 0; index--) {
      const expected = committed[index];
      // A stale candidate may win its old term after a newer one committed more: that is allowed.
      if (expected === undefined || expected.committedIn >= epoch) continue;
      left--;
      const entry = core.entryAt(index);
      if (entry?.epoch === expected.epoch) continue;
      this.#verdicts.violate(
        "leader completeness",
        `${member} leads epoch ${epoch} ${entry === undefined ? "without" : "with another"} entry ` +
          `at index ${index}, which was committed in epoch ${expected.committedIn} or before`,
      );
      return;
    }
  }
}
