// Log Matching (Raft §5.3, Figure 3): if two logs contain an entry with the same index and term, then
// the logs are identical in all entries up through it. Held inductively: one content and one
// predecessor per (index, term). Zab's zxids have the same property (Zab §III, primary order).

import type { Entry } from "@althing/consensus";
import { hashBytes } from "../trace/hash.ts";
import type { Verdicts } from "./verdicts.ts";

export class LogMatching {
  readonly #known = new Map<string, { hash: number; previousEpoch: number; member: string }>();
  readonly #verdicts: Verdicts;
  readonly #applies: boolean;

  constructor(verdicts: Verdicts, protocol: string) {
    this.#verdicts = verdicts;
    this.#applies = protocol !== "paxos";
  }

  /** `epochAt` gives the epoch of the member's entry at an index, -1 where it no longer knows. */
  written(member: string, entries: readonly Entry[], epochAt: (index: number) => number): void {
    if (!this.#applies) return;
    let previous: Entry | undefined;
    for (const entry of entries) {
      const before =
        previous?.index === entry.index - 1 ? previous.epoch : epochAt(entry.index - 1);
      previous = entry;
      const key = `${entry.index}:${entry.epoch}`;
      const hash = hashBytes(entry.payload) ^ entry.kind.length;
      const known = this.#known.get(key);
      if (known === undefined) {
        this.#known.set(key, { hash, previousEpoch: before, member });
        continue;
      }
      if (known.hash !== hash) {
        this.#verdicts.violate(
          "log matching",
          `${member} and ${known.member} hold different entries at index ${entry.index} of epoch ${entry.epoch}`,
        );
      } else if (known.previousEpoch === -1) {
        known.previousEpoch = before;
      } else if (before !== -1 && before !== known.previousEpoch) {
        this.#verdicts.violate(
          "log matching",
          `${member} has epoch ${before} before (index ${entry.index}, epoch ${entry.epoch}), ${known.member} has ${known.previousEpoch}`,
        );
      }
    }
  }
}
