// The founding of a cluster: nobody votes before every founder has met all the others. A majority of the founders alone
// may be members that were removed from their cluster and lost their disks: with empty directories and their flags of
// old they would found an empty cluster beside the one that has the data. Until then this member stands
// between the peers and the consensus, which has not started.
//
// A founder that has state answers as any member does: it lets in the very disk that it met when it founded, and refuses
// any other. It speaks the protocol to members that it has let in, and to nobody else; so a word of it to one that still
// waits says that the founding is done, and that this disk was there. Should another founder be gone for good
// by then, the slower one goes on all the same.
//
// One that ended while it noted whom it had met has noted that for good: another may have founded with what it met then.

import type { MemberId } from "@althing/consensus";
import type { Member, MemberEvent, PeerEvents, PeerMessage } from "@althing/member";
import type { FoundingMember } from "./member-identity.ts";

export interface AwaitedFounder {
  readonly name: string;
  readonly peerUrls: readonly string[];
  /** What was heard of it last, if anything. */
  readonly why?: string;
}

export type FoundedMember = PeerEvents & Pick<Member<unknown>, "identityOf">;

export class Founding implements PeerEvents {
  /** All have met, or the others have founded with this one. */
  readonly complete: Promise<void>;
  #settle: () => void = () => {};
  readonly #others: readonly FoundingMember[];
  readonly #member: () => FoundedMember;
  readonly #met = new Map<MemberId, string>();
  readonly #connected = new Set<MemberId>();
  readonly #last = new Map<MemberId, string>();
  #isOver = false;

  /** `member`: to whom the peers are handed over in the end. */
  constructor(others: readonly FoundingMember[], member: () => FoundedMember) {
    this.#others = others;
    this.#member = member;
    this.complete = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  waitsFor(): AwaitedFounder[] {
    const missing = this.#others.filter(({ id }) => !this.#isHere(id));
    return missing.map(({ id, name, peerUrls }) => {
      const why = this.#last.get(id);
      return { name, peerUrls, ...(why === undefined ? {} : { why }) };
    });
  }

  /** The disk that a founder has shown, or that an earlier start has noted. */
  identityOf(peer: MemberId): string | undefined {
    return this.#met.get(peer) ?? this.#member().identityOf(peer);
  }

  /** Notes for good whom this founder has met; a string is the reason why that cannot be. */
  noteDisks(): string | undefined {
    for (const [peer, identity] of this.#met) {
      const reason = this.#member().admit(peer, identity);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  /** The member has started: from here on it hears the peers itself. */
  handOver(): void {
    this.#isOver = true;
    for (const peer of this.#connected) this.#member().connected(peer);
  }

  /** There is nothing to wait for any more. */
  end(): void {
    this.#settle();
  }

  /** What keeps a founder away, for those who wait. */
  observe({ kind, peer, reason }: MemberEvent): void {
    const isTrouble =
      kind === "peerDialFailed" || kind === "peerRefusedUs" || kind === "peerRefusedByUs";
    if (isTrouble) this.#last.set(String(peer), String(reason));
  }

  receive(from: MemberId, message: PeerMessage<unknown>): void {
    if (this.#isOver) this.#member().receive(from, message);
    else this.#settle();
  }

  connected(peer: MemberId): void {
    this.#connected.add(peer);
    this.#last.delete(peer);
    if (this.#isOver) this.#member().connected(peer);
    else if (this.#others.every(({ id }) => this.#isHere(id))) this.#settle();
  }

  disconnected(peer: MemberId): void {
    this.#connected.delete(peer);
    if (this.#isOver) this.#member().disconnected(peer);
  }

  unreachable(peer: MemberId): void {
    if (this.#isOver) this.#member().unreachable(peer);
  }

  admit(peer: MemberId, identity: string): string | undefined {
    const isNoted = this.#member().identityOf(peer) !== undefined;
    const reason = this.#isOver || isNoted ? this.#member().admit(peer, identity) : undefined;
    if (this.#isOver || reason !== undefined) return reason;
    const met = this.#met.get(peer) ?? identity;
    if (met === identity) {
      this.#met.set(peer, identity);
      return undefined;
    }
    // One that founds has promised nothing yet: with another disk it is met anew, as the first time.
    if (!this.#connected.has(peer)) this.#met.delete(peer);
    return `${peer} came with another data directory a moment ago, and no cluster is founded yet: start it again`;
  }

  #isHere(peer: MemberId): boolean {
    return this.#connected.has(peer) && this.#met.has(peer);
  }
}
