// What a leader itself commits, beyond what it knew to be committed when it began to lead, it commits
// under its own epoch. Raft §5.4.2, figure 8: it counts replicas only for entries of its own term; what
// is older is committed with them. Paxos: it proposes again, under its own ballot, whatever it found. A
// leader that breaks this may see an entry replaced, but only after a rare sequence of crashes: so the
// rule is watched, not only its effects. Zab's entries keep the epoch that they came with; its rule is
// about those who hold them (`ledIn`, judged by `CommitQuorum`).

import type { Core, CoreStatus } from "@althing/consensus";
import type { Verdicts } from "./verdicts.ts";

type Status = Pick<CoreStatus, "role" | "epoch" | "commitIndex">;

export class CommitRule {
  /** By member: what it knew to be committed when it began to lead. */
  readonly #before = new Map<string, number>();
  readonly #verdicts: Verdicts;
  readonly #protocol: string;

  constructor(verdicts: Verdicts, protocol: string) {
    this.#verdicts = verdicts;
    this.#protocol = protocol;
  }

  becameLeader(member: string, core: Core<unknown, unknown>): void {
    this.#before.set(member, core.status().commitIndex);
  }

  /** The epoch of the leader that committed this by itself; undefined if it is not known to have. */
  ledIn(member: string, status: Status, index: number): number | undefined {
    if (status.role !== "leader" || index <= (this.#before.get(member) ?? 0)) return undefined;
    return status.epoch;
  }

  applied(member: string, status: Status, core: Pick<Core<unknown, unknown>, "entryAt">): void {
    const { commitIndex } = status;
    const epoch = this.ledIn(member, status, commitIndex);
    const entry = core.entryAt(commitIndex);
    if (epoch === undefined || entry === undefined || entry.epoch === epoch) return;
    if (this.#protocol === "zab") return;
    this.#verdicts.violate(
      "commit rule",
      `${member} leads epoch ${epoch} and committed up to index ${commitIndex}, an entry of epoch ${entry.epoch}`,
    );
  }
}
