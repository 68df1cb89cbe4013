// Which peers are called. One that was removed is called a moment longer: the answer to its own removal
// is on the way to it.

import type { MemberId } from "@althing/consensus";
import type { PeerAddress } from "./peers/index.ts";

const leavingGraceMs = 1_000;

export class CalledPeers {
  readonly #update: (peers: readonly PeerAddress[]) => void;
  readonly #later: (ms: number, run: () => void) => void;
  readonly #leaving = new Map<MemberId, PeerAddress>();
  #called: readonly PeerAddress[] = [];

  constructor(
    update: (peers: readonly PeerAddress[]) => void,
    later: (ms: number, run: () => void) => void,
  ) {
    this.#update = update;
    this.#later = later;
  }

  /** The members with an address, as the roster has them now. */
  set(called: readonly PeerAddress[]): void {
    const ids = new Set(called.map(({ id }) => id));
    for (const peer of this.#called) {
      if (ids.has(peer.id) || this.#leaving.has(peer.id)) continue;
      this.#leaving.set(peer.id, { ...peer, leaving: true });
      this.#later(leavingGraceMs, () => {
        this.#leaving.delete(peer.id);
        this.set(this.#called);
      });
    }
    this.#called = called;
    const leaving = [...this.#leaving.values()].filter(({ id }) => !ids.has(id));
    this.#update([...called, ...leaving]);
  }
}
