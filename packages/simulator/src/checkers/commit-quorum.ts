// What anybody applies is on the disks of a majority (Raft §5.3: "replicated on a majority of the
// servers"; Paxos: accepted by a majority of acceptors; Zab §III: acknowledged by a quorum). This is
// the durability of what was acknowledged: from here on no minority of crashes can lose it.

import type { Entry, MemberId, Membership } from "@althing/consensus";
import { hashBytes } from "../trace/hash.ts";
import type { Durability } from "./durability.ts";
import type { Verdicts } from "./verdicts.ts";

export interface Holders {
  readonly nameOf: (id: MemberId) => string;
  /** It may hold more than its core was told: its process stopped in between. */
  readonly isInDoubt: (id: MemberId) => boolean;
}

export class CommitQuorum {
  readonly #verdicts: Verdicts;
  readonly #durability: Durability;
  readonly #holders: Holders;
  /** Paxos may need more voters, or fewer, than a majority. */
  readonly #needed: number | undefined;

  constructor(
    verdicts: Verdicts,
    durability: Durability,
    holders: Holders,
    needed?: number | undefined,
  ) {
    this.#needed = needed;
    this.#verdicts = verdicts;
    this.#durability = durability;
    this.#holders = holders;
  }

  /**
   * Called when an entry is applied anywhere for the first time. `memberships` are the last few that
   * were in force there: a newer one may have come in the same turn.
   */
  committed(member: string, entry: Entry, memberships: readonly Membership[]): void {
    const hash = hashBytes(entry.payload);
    const holds = (id: MemberId): boolean =>
      this.#holders.isInDoubt(id) ||
      this.#durability.holds(this.#holders.nameOf(id), entry.index, hash);
    const isMajority = (voters: readonly MemberId[]): boolean =>
      voters.length === 0 ||
      voters.filter(holds).length >= (this.#needed ?? Math.floor(voters.length / 2) + 1);
    const isHeld = memberships.some(
      ({ voters, votersOutgoing }) => isMajority(voters) && isMajority(votersOutgoing),
    );
    if (isHeld) return;
    const voters = memberships.at(-1)?.voters ?? [];
    const names = voters.filter(holds).map((id) => this.#holders.nameOf(id));
    this.#verdicts.violate(
      "commit quorum",
      `${member} applies index ${entry.index}, which is durable only on ${names.join(", ") || "nobody"} of ${voters.length} voters`,
    );
  }
}
