// What the weaker reads still promise (Terry et al. 1994): a serializable read shows the state at one
// revision exactly as the log made it, never a mixture, and one that is not older than the same
// client saw before on the same life of a member (monotonic reads), its own writes included.

import type { Reference } from "../observe/reference.ts";
import type { Verdicts } from "./verdicts.ts";

export class SessionGuarantees {
  /** By client and life of a member: the newest revision that it was shown there. */
  readonly #seen = new Map<string, number>();
  readonly #verdicts: Verdicts;
  readonly #reference: Reference;

  constructor(verdicts: Verdicts, reference: Reference) {
    this.#verdicts = verdicts;
    this.#reference = reference;
  }

  /** An answer of any kind that named a revision. */
  saw(client: number, life: string, revision: number): void {
    const key = `${client} ${life}`;
    const before = this.#seen.get(key) ?? 0;
    if (revision > before) this.#seen.set(key, revision);
  }

  read(client: number, life: string, key: string, revision: number, value: number): void {
    const before = this.#seen.get(`${client} ${life}`) ?? 0;
    if (revision < before) {
      this.#verdicts.violate(
        "session guarantees",
        `client ${client} read revision ${revision} on ${life} after it had seen ${before} there`,
      );
    }
    this.saw(client, life, revision);
    const expected = this.#reference.valueAt(key, revision);
    if (expected !== undefined && expected !== value) {
      this.#verdicts.violate(
        "session guarantees",
        `client ${client} read ${value} for ${key} at revision ${revision} on ${life}; it was ${expected}`,
      );
    }
  }
}
