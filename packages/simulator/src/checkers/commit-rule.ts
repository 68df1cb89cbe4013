// The commit rule (Raft §5.4.2, figure 8): a leader counts replicas only for entries of its own term;
// what is older is committed with them. A leader that commits an older entry by itself may see it
// replaced, but only after a rare sequence of crashes: so the rule is watched, not only its effects.

import type { Core, CoreStatus } from "@althing/consensus";
import type { Verdicts } from "./verdicts.ts";

export class CommitRule {
  /** By member: what it knew to be committed when it began to lead. */
  readonly #before = new Map<string, number>();
  readonly #verdicts: Verdicts;
  readonly #applies: boolean;

  constructor(verdicts: Verdicts, protocol: string) {
    this.#verdicts = verdicts;
    this.#applies = protocol === "raft";
  }

  becameLeader(member: string, core: Core<unknown, unknown>): void {
    if (this.#applies) this.#before.set(member, core.status().commitIndex);
  }

  applied(member: string, status: CoreStatus, core: Pick<Core<unknown, unknown>, "entryAt">): void {
    if (!this.#applies || status.role !== "leader") return;
    const { commitIndex, epoch } = status;
    if (commitIndex <= (this.#before.get(member) ?? 0)) return;
    const entry = core.entryAt(commitIndex);
    if (entry === undefined || entry.epoch === epoch) return;
    this.#verdicts.violate(
      "commit rule",
      `${member} leads epoch ${epoch} and committed up to index ${commitIndex}, an entry of epoch ${entry.epoch}`,
    );
  }
}
