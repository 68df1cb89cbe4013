// Only voters lead (dissertation §4.2.1: a non-voting member is not counted and does not campaign;
// Zab: observers take no part in elections): who comes to lead was a voter of a membership in force.

import type { MemberId, Membership } from "@althing/consensus";
import type { Verdicts } from "./verdicts.ts";

export class EligibleLeader {
  readonly #verdicts: Verdicts;

  constructor(verdicts: Verdicts) {
    this.#verdicts = verdicts;
  }

  /** `memberships` are the last few in force there: a removed leader leads until that is committed. */
  becameLeader(member: string, id: MemberId, memberships: readonly Membership[]): void {
    const isVoter = memberships.some(
      ({ voters, votersOutgoing }) => voters.includes(id) || votersOutgoing.includes(id),
    );
    if (isVoter) return;
    this.#verdicts.violate("eligible leader", `${member} became leader and is no voter`);
  }
}
