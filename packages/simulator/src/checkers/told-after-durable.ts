// What a Raft member tells others is on its own disk, and true (Raft Figure 2: "updated on stable
// storage before responding to RPCs"; §5.3, a match means equal logs). The harm of breaking this needs
// a power cut within microseconds and then the right election; the breach itself is plain to see.

import type { Core } from "@althing/consensus";
import type { Durability } from "./durability.ts";
import type { Verdicts } from "./verdicts.ts";

interface VoteResponse {
  readonly kind: "voteResponse";
  readonly term: number;
  readonly granted: boolean;
}
interface AppendResponse {
  readonly kind: "appendResponse";
  readonly term: number;
  readonly matchIndex: number;
}
type Told = VoteResponse | AppendResponse | { readonly kind: "other" };

export class ToldAfterDurable {
  readonly #verdicts: Verdicts;
  readonly #durability: Durability;

  constructor(verdicts: Verdicts, durability: Durability) {
    this.#verdicts = verdicts;
    this.#durability = durability;
  }

  /** Whether the message claims something that `verify` can judge. */
  isClaim(message: unknown): boolean {
    const told = message as Told;
    return (told.kind === "voteResponse" && told.granted) || told.kind === "appendResponse";
  }

  /** After the turn in which the message left. `cores` are the sender's and the receiver's. */
  verify(
    message: unknown,
    from: { readonly name: string; readonly core: Core<unknown, unknown> },
    to: { readonly id: string; readonly core: Core<unknown, unknown> | undefined },
  ): void {
    const told = message as Told;
    if (told.kind === "voteResponse") this.#vote(told, from.name, to.id);
    else if (told.kind === "appendResponse") this.#match(told, from, to.core);
  }

  #vote(told: VoteResponse, member: string, candidate: string): void {
    const state = this.#durability.state(member) as { term?: number; vote?: string } | undefined;
    const term = state?.term ?? 0;
    if (term > told.term || (term === told.term && state?.vote === candidate)) return;
    this.#verdicts.violate(
      "told after durable",
      `${member} told ${candidate} its vote of term ${told.term}; on its disk is term ${term}, vote ${state?.vote ?? ""}`,
    );
  }

  #match(
    told: AppendResponse,
    from: { readonly name: string; readonly core: Core<unknown, unknown> },
    leader: Core<unknown, unknown> | undefined,
  ): void {
    const { matchIndex, term } = told;
    const durable = this.#durability.lastIndex(from.name);
    if (durable < matchIndex && from.core.status().epoch === term) {
      this.#verdicts.violate(
        "told after durable",
        `${from.name} acknowledged up to index ${matchIndex}; on its disk is ${durable}`,
      );
    }
    const status = leader?.status();
    if (leader === undefined || status?.role !== "leader" || status.epoch !== term) return;
    const own = from.core.entryAt(matchIndex);
    const theirs = leader.entryAt(matchIndex);
    if (own === undefined || theirs === undefined || own.epoch === theirs.epoch) return;
    if (from.core.status().epoch !== term) return;
    this.#verdicts.violate(
      "told after durable",
      `${from.name} acknowledged index ${matchIndex}, where it has an entry of epoch ${own.epoch} and its leader one of ${theirs.epoch}`,
    );
  }
}
