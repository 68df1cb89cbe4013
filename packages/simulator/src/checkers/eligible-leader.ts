// Only voters lead (dissertation §4.2.1: a non-voting member is not counted and does not campaign;
// Zab: observers take no part in elections): who comes to lead is a voter of the membership in force in
// its own log. Whom that one leaves out may lead until it knows it to be committed (§4.2.2: it may be
// the only one whose log is long enough to commit it). In Paxos only a chosen membership is in force.

import type { CoreStatus, Membership } from "@althing/consensus";
import type { Verdicts } from "./verdicts.ts";

type Status = Pick<CoreStatus, "id" | "membership" | "membershipIndex" | "commitIndex">;

export class EligibleLeader {
  readonly #verdicts: Verdicts;

  constructor(verdicts: Verdicts) {
    this.#verdicts = verdicts;
  }

  /** `before` is the membership that was in force in its log until the one that is now. */
  becameLeader(member: string, status: Status, before: Membership | undefined): void {
    if (isVoter(status.membership, status.id)) return;
    const isOpen = status.membershipIndex > status.commitIndex;
    if (isOpen && before !== undefined && isVoter(before, status.id)) return;
    this.#verdicts.violate("eligible leader", `${member} became leader and is no voter`);
  }
}

function isVoter({ voters, votersOutgoing }: Membership, id: string): boolean {
  return voters.includes(id) || votersOutgoing.includes(id);
}
