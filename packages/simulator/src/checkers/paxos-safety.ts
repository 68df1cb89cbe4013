// What Paxos promises beyond one member (Paxos Made Simple §2.2): a ballot proposes one value per slot,
// however many lives its proposer has; and P2b, once a value is chosen every higher ballot proposes
// that value. Both are seen in what acceptors write, long before anybody could apply two values.

import type { Entry } from "@althing/consensus";
import { hashBytes } from "../trace/hash.ts";
import type { Committed } from "./state-machine-safety.ts";
import type { Verdicts } from "./verdicts.ts";

export class PaxosSafety {
  readonly #verdicts: Verdicts;
  readonly #applies: boolean;
  /** By slot and ballot: what was proposed. */
  readonly #proposed = new Map<string, { readonly hash: number; readonly member: string }>();
  /** By ballot: in which life it was prepared. */
  readonly #prepared = new Map<string, number>();
  /** By member: how often it started. */
  readonly #lives = new Map<string, number>();
  readonly #strangers = new Set<string>();

  constructor(verdicts: Verdicts, protocol: string) {
    this.#verdicts = verdicts;
    this.#applies = protocol === "paxos";
  }

  started(member: string): void {
    if (this.#applies) this.#lives.set(member, (this.#lives.get(member) ?? 0) + 1);
  }

  /** `committed` is what was applied anywhere, by index. */
  written(
    member: string,
    entries: readonly Entry[],
    committed: readonly (Committed | undefined)[],
  ): void {
    if (!this.#applies || this.#strangers.has(member)) return;
    for (const entry of entries) {
      const hash = hashBytes(entry.payload) ^ entry.kind.length;
      const ballot = `${entry.epoch}.${entry.proposer}`;
      const key = `${entry.index} ${ballot}`;
      const known = this.#proposed.get(key);
      if (known === undefined) this.#proposed.set(key, { hash, member });
      else if (known.hash !== hash) {
        this.#verdicts.violate(
          "one value per ballot",
          `${member} and ${known.member} accepted different values of ballot ${ballot} in slot ${entry.index}`,
        );
      }
      const chosen = committed[entry.index];
      if (chosen === undefined || entry.epoch <= chosen.epoch) continue;
      if (chosen.hash === hashBytes(entry.payload) && chosen.kind === entry.kind) continue;
      this.#verdicts.violate(
        "P2b",
        `${member} accepts another value of ballot ${ballot} in slot ${entry.index}, where one was chosen by round ${chosen.epoch}`,
      );
    }
  }

  /** A message left. */
  sent(member: string, message: unknown): void {
    if (!this.#applies || this.#strangers.has(member)) return;
    const { kind, ballot } = message as {
      readonly kind?: string;
      readonly ballot?: { readonly round: number; readonly proposer: string };
    };
    if (kind !== "prepareRequest" || ballot === undefined) return;
    const life = this.#lives.get(member) ?? 0;
    const key = `${ballot.round}.${ballot.proposer}`;
    const before = this.#prepared.get(key);
    if (before === undefined) this.#prepared.set(key, life);
    else if (before !== life) {
      this.#verdicts.violate(
        "ballot reused",
        `${member} prepares ballot ${key} in life ${life} and did so in life ${before}`,
      );
    }
  }

  /** A member that lost its disk is a stranger from now on, and nobody listens to it. */
  wiped(member: string): void {
    this.#strangers.add(member);
  }
}
