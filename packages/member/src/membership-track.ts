// The membership in force at each applied index that may still become the base of the log or of a
// snapshot. The core knows the newest appended one, which may be rolled back; this is the applied
// history, which is not (corpus: membership-lost-in-snapshot).

import { encodeMembership, type Membership } from "@althing/consensus";

interface Change {
  readonly index: number;
  readonly membership: Membership;
  readonly meta: Uint8Array;
}

export class MembershipTrack {
  #changes: Change[];

  /** Oldest first, never empty. */
  constructor(changes: readonly { readonly index: number; readonly membership: Membership }[]) {
    this.#changes = changes.map(({ index, membership }) => changeOf(index, membership));
  }

  get applied(): Membership {
    return this.#changes.at(-1)!.membership;
  }

  /** Where it was last changed. */
  get changedAt(): number {
    return this.#changes.at(-1)!.index;
  }

  apply(index: number, membership: Membership): void {
    this.#changes.push(changeOf(index, membership));
  }

  /** For the base of a log. The state's point tells of fences as well. */
  metaAt(index: number): Uint8Array {
    return this.#changes.findLast((change) => change.index <= index)!.meta;
  }

  forgetBefore(index: number): void {
    const kept = this.#changes.findLastIndex((change) => change.index <= index);
    if (kept > 0) this.#changes = this.#changes.slice(kept);
  }

  /** An installed snapshot replaces the history. */
  reset(index: number, membership: Membership): void {
    this.#changes = [changeOf(index, membership)];
  }
}

function changeOf(index: number, membership: Membership): Change {
  return { index, membership, meta: encodeMembership(membership) };
}
