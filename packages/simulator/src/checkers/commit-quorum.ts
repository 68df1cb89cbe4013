// What anybody applies is on the disks of a majority (Raft §5.3: "replicated on a majority of the
// servers"; Paxos: accepted by a majority of acceptors; Zab §III: acknowledged by a quorum). This is
// the durability of what was acknowledged: from here on no minority of crashes can lose it.
// Whose majority, the log itself says, and leaves no choice. In Raft and Zab a membership governs from
// its own entry on, in Paxos from the slot after it. A joint one needs both majorities. What stands
// between it and the entry that ends it may commit with that entry, by the new majority alone: such an
// entry is only written once the joint one is committed, so the joint entry itself never may.
// A leader of Zab counts only those that took over its epoch (§IV phase 2): who holds a transaction of
// an earlier one, and no more, would give way to a history without it.

import {
  decodeMembershipEntry,
  type Entry,
  type MemberId,
  type Membership,
} from "@althing/consensus";
import { hashBytes } from "../trace/hash.ts";
import type { Durability } from "./durability.ts";
import type { Verdicts } from "./verdicts.ts";

export interface Holders {
  readonly nameOf: (id: MemberId) => string;
  /** It may hold more than its core was told: its process stopped in between. */
  readonly isInDoubt: (id: MemberId) => boolean;
}

interface Governing {
  readonly index: number;
  readonly membership: Membership;
}

const nobody: Membership = { voters: [], votersOutgoing: [], learners: [], learnersNext: [] };

export class CommitQuorum {
  readonly #verdicts: Verdicts;
  readonly #durability: Durability;
  readonly #holders: Holders;
  /** Paxos may need more voters, or fewer, than a majority. */
  readonly #needed: number | undefined;
  readonly #protocol: string;
  /** The last membership of the committed prefix. */
  #governing: Governing = { index: 0, membership: nobody };
  /** The last index at which anybody wrote a membership that is not joint. */
  #simpleAt = 0;

  constructor(
    verdicts: Verdicts,
    durability: Durability,
    holders: Holders,
    needed?: number | undefined,
    protocol = "raft",
  ) {
    this.#needed = needed;
    this.#verdicts = verdicts;
    this.#durability = durability;
    this.#holders = holders;
    this.#protocol = protocol;
  }

  /** The membership that the cluster begins with. */
  founded(membership: Membership): void {
    this.#governing = { index: 0, membership };
  }

  /** Somebody has these in its log, committed or not. */
  written(entries: readonly Entry[]): void {
    for (const { kind, index, payload } of entries) {
      if (kind !== "membership" || index <= this.#simpleAt) continue;
      if (decodeMembershipEntry(payload).membership.votersOutgoing.length > 0) continue;
      this.#simpleAt = index;
    }
  }

  /**
   * Called in the order of the log, when an entry is applied anywhere for the first time. `ledIn` is the
   * epoch of the leader that committed it by itself, if it is that leader which applies it first.
   */
  committed(member: string, entry: Entry, ledIn?: number): void {
    const before = this.#governing;
    if (entry.kind === "membership") {
      const { membership } = decodeMembershipEntry(entry.payload);
      this.#governing = { index: entry.index, membership };
    }
    const governing = this.#protocol === "paxos" ? before : this.#governing;
    const hash = hashBytes(entry.payload);
    const holds = (id: MemberId): boolean =>
      this.#holders.isInDoubt(id) ||
      this.#durability.holds(this.#holders.nameOf(id), entry.index, hash);
    this.#judge("commit quorum", member, entry, governing, holds);
    if (this.#protocol !== "zab" || ledIn === undefined) return;
    this.#judge("commit rule", member, entry, governing, (id) => {
      return holds(id) && (this.#holders.isInDoubt(id) || this.#currentEpoch(id) >= ledIn);
    });
  }

  #currentEpoch(id: MemberId): number {
    const state = this.#durability.state(this.#holders.nameOf(id));
    return (state as { readonly currentEpoch?: number } | undefined)?.currentEpoch ?? 0;
  }

  #judge(
    property: string,
    member: string,
    entry: Entry,
    { index, membership }: Governing,
    holds: (id: MemberId) => boolean,
  ): void {
    const { voters, votersOutgoing } = membership;
    const isMajority = (ids: readonly MemberId[]): boolean =>
      ids.length === 0 ||
      ids.filter(holds).length >= (this.#needed ?? Math.floor(ids.length / 2) + 1);
    const mayBeLeft = this.#protocol !== "paxos" && entry.index > index && this.#simpleAt > index;
    if (isMajority(voters) && (isMajority(votersOutgoing) || mayBeLeft)) return;
    const namesOf = (ids: readonly MemberId[]): string =>
      `${
        ids
          .filter(holds)
          .map((id) => this.#holders.nameOf(id))
          .join(", ") || "nobody"
      } of ${ids.length} voters`;
    const outgoing =
      votersOutgoing.length === 0 ? "" : `, and on ${namesOf(votersOutgoing)} before`;
    this.#verdicts.violate(
      property,
      `${member} applies index ${entry.index}, which is durable only on ${namesOf(voters)}${outgoing}`,
    );
  }
}
