// What a Paxos member tells others is on its own disk (Paxos Made Simple §2.2, "an acceptor must
// remember"; §3): a promise, an accepted value, and the ballot that a proposer is about to use. The
// harm of breaking this needs a power cut within microseconds; the breach itself is plain to see.

import type { Core } from "@althing/consensus";
import { hashBytes } from "../trace/hash.ts";
import type { Durability } from "./durability.ts";
import type { Verdicts } from "./verdicts.ts";

interface Ballot {
  readonly round: number;
  readonly proposer: string;
}
interface Claim {
  readonly kind: string;
  readonly ballot: Ballot;
  readonly first: number;
  readonly last: number;
}
const claims = new Set(["prepareRequest", "promise", "acceptResponse"]);

export class AcceptorClaims {
  readonly #verdicts: Verdicts;
  readonly #durability: Durability;

  constructor(verdicts: Verdicts, durability: Durability) {
    this.#verdicts = verdicts;
    this.#durability = durability;
  }

  isClaim(message: unknown): boolean {
    return claims.has((message as Claim).kind);
  }

  /** After the turn in which the message left. */
  verify(
    message: unknown,
    from: { readonly name: string; readonly core: Core<unknown, unknown> },
    _to: unknown,
  ): void {
    const claim = message as Claim;
    const { ballot, kind } = claim;
    const state = this.#durability.state(from.name) as Partial<Ballot> | undefined;
    const durable = { round: state?.round ?? 0, proposer: state?.proposer ?? "" };
    if (isBelow(durable, ballot)) {
      this.#verdicts.violate(
        "told after durable",
        `${from.name} sends ${kind} of ballot ${ballot.round}.${ballot.proposer}; on its disk is ${durable.round}.${durable.proposer}`,
      );
    } else if (kind === "acceptResponse") this.#accepted(claim, from);
  }

  #accepted(
    { ballot, first, last }: Claim,
    from: { readonly name: string; readonly core: Core<unknown, unknown> },
  ): void {
    for (let index = first; index <= last; index++) {
      const entry = from.core.entryAt(index);
      // A higher ballot may have proposed there since.
      if (entry?.epoch !== ballot.round || entry.proposer !== ballot.proposer) continue;
      if (this.#durability.holds(from.name, index, hashBytes(entry.payload))) continue;
      this.#verdicts.violate(
        "told after durable",
        `${from.name} told ${ballot.proposer} that it accepted slot ${index}, which is not on its disk`,
      );
      return;
    }
  }
}

function isBelow(one: Ballot, other: Ballot): boolean {
  if (one.round !== other.round) return one.round < other.round;
  return one.proposer < other.proposer;
}
