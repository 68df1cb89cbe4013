// Election Safety (Raft §5.2, Figure 3): at most one leader can be elected in a given term. For Zab
// the same of epochs (Zab §IV, Phase 2). A Paxos ballot carries its proposer, so it holds by name.

import type { Verdicts } from "./verdicts.ts";

export class ElectionSafety {
  readonly #leaders = new Map<number, string>();
  readonly #verdicts: Verdicts;
  readonly #applies: boolean;

  constructor(verdicts: Verdicts, protocol: string) {
    this.#verdicts = verdicts;
    this.#applies = protocol !== "paxos";
  }

  becameLeader(member: string, epoch: number): void {
    if (!this.#applies) return;
    const other = this.#leaders.get(epoch);
    if (other === undefined) this.#leaders.set(epoch, member);
    else if (other !== member) {
      this.#verdicts.violate(
        "election safety",
        `${other} and ${member} both became leader of epoch ${epoch}`,
      );
    }
  }
}
