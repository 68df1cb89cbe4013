// A member that comes back may have been removed meanwhile. Before it serves anybody it waits for the first
// word of another member that it can verify: one that lets it in, or one that says that it is out. Where
// nobody answers it serves alone, after a short time: what needs no quorum may be asked of it.

import type { MemberEvent } from "@althing/member";

const patienceMs = 1_000;

export class FirstWord {
  readonly heard: Promise<void>;
  #settle: () => void = () => {};
  readonly #unreached: Set<string>;

  /** `others`: the members that this one would call. */
  constructor(others: readonly string[]) {
    this.#unreached = new Set(others);
    this.heard = new Promise((resolve) => {
      this.#settle = resolve;
      if (others.length === 0) resolve();
      else setTimeout(resolve, patienceMs).unref();
    });
  }

  observe({ kind, peer }: MemberEvent): void {
    if (kind === "peerConnected") this.#settle();
    if (kind !== "peerDialFailed") return;
    this.#unreached.delete(String(peer));
    if (this.#unreached.size === 0) this.#settle();
  }

  /** There is nothing to wait for any more. */
  end(): void {
    this.#settle();
  }
}
