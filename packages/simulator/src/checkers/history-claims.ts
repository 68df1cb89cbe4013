// What a Zab member tells others is on its own disk (Zab §IV; Zab1.0 phases 1 to 3): the epoch that it
// proposes or promises, the epoch whose history it took over, and every transaction that it says to
// have. The harm of breaking this needs a power cut within microseconds; the breach is plain to see.

import type { Core } from "@althing/consensus";
import { hashBytes } from "../trace/hash.ts";
import type { Durability } from "./durability.ts";
import type { Verdicts } from "./verdicts.ts";

interface Claim {
  readonly kind: string;
  readonly epoch: number;
  /** ackEpoch. */
  readonly currentEpoch?: number;
  readonly lastIndex?: number;
  readonly lastEpoch?: number;
  /** ack, ackNewLeader, pong. */
  readonly index?: number;
  readonly isCurrent?: boolean;
}
interface Epochs {
  readonly acceptedEpoch?: number;
  readonly currentEpoch?: number;
}
const claims = new Set(["leaderInfo", "ackEpoch", "ackNewLeader", "ack", "pong"]);

export class HistoryClaims {
  readonly #verdicts: Verdicts;
  readonly #durability: Durability;

  constructor(verdicts: Verdicts, durability: Durability) {
    this.#verdicts = verdicts;
    this.#durability = durability;
  }

  isClaim(message: unknown): boolean {
    return claims.has((message as Claim).kind);
  }

  /** After the turn in which the message left. `cores` are the sender's and the receiver's. */
  verify(
    message: unknown,
    from: { readonly name: string; readonly core: Core<unknown, unknown> },
    to: { readonly id: string; readonly core: Core<unknown, unknown> | undefined },
  ): void {
    const claim = message as Claim;
    const durable = (this.#durability.state(from.name) ?? {}) as Epochs;
    const { acceptedEpoch = 0, currentEpoch = 0 } = durable;
    // A pong is an answer, not a promise: one of the next epoch may leave while that is being written.
    const accepted = claim.kind === "pong" ? 0 : claim.epoch;
    const current = currentOf(claim);
    if (acceptedEpoch < accepted || currentEpoch < current) {
      this.#verdicts.violate(
        "told after durable",
        `${from.name} sends ${claim.kind} of epoch ${accepted}, current ${current}; ` +
          `on its disk is epoch ${acceptedEpoch}, current ${currentEpoch}`,
      );
      return;
    }
    // What a later epoch's leader made of the history since is no concern of this one.
    if (from.core.status().epoch === claim.epoch) this.#history(claim, from, to.core);
  }

  #history(
    claim: Claim,
    from: { readonly name: string; readonly core: Core<unknown, unknown> },
    leader: Core<unknown, unknown> | undefined,
  ): void {
    const index = claim.lastIndex ?? claim.index ?? 0;
    const own = from.core.entryAt(index);
    // Compacted: it was applied. Or dropped since, as one that no leader has.
    if (own === undefined) return;
    if (claim.lastEpoch !== undefined && claim.lastEpoch !== own.epoch) return;
    if (!this.#durability.holds(from.name, index, hashBytes(own.payload))) {
      this.#verdicts.violate(
        "told after durable",
        `${from.name} sends ${claim.kind} up to index ${index}, which is not on its disk`,
      );
      return;
    }
    // Whoever is still asked for its history may have another one.
    if (claim.kind === "ackEpoch") return;
    const status = leader?.status();
    if (leader === undefined || status?.role !== "leader" || status.epoch !== claim.epoch) return;
    const theirs = leader.entryAt(index);
    if (theirs === undefined || theirs.epoch === own.epoch) return;
    this.#verdicts.violate(
      "told after durable",
      `${from.name} acknowledged index ${index}, where it has an entry of epoch ${own.epoch} and its leader one of ${theirs.epoch}`,
    );
  }
}

/** The epoch whose history the sender claims to have taken over. */
function currentOf(claim: Claim): number {
  const isCurrent = claim.kind === "ackNewLeader" || (claim.kind === "pong" && claim.isCurrent);
  return isCurrent ? claim.epoch : (claim.currentEpoch ?? 0);
}
