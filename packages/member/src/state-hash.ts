// Compares the state of the members, always: each records its state hash at agreed indexes and tells
// the others the newest one about once a second. On a difference everybody tells its own hash at that
// index, and a majority of the voters decides who is odd: the odd member fences itself, and the leader's
// steward is told of it (corpus: divergence that goes unnoticed, etcd v3.5).

import type { MemberId, Membership } from "@althing/consensus";
import type { Turn } from "./turn.ts";

/** Hashes are recorded at multiples of this index. */
export const HASH_EVERY = 16;
const KEPT = 1024;
const TELL_EVERY_MS = 1000;
const DISPUTES_MAX = 16;
/** Long enough for everybody's answer and the alarm; a settled dispute must not raise another. */
const DISPUTE_MS = 30_000;

interface Dispute {
  readonly claims: Map<MemberId, number>;
  readonly sinceMs: number;
}

export class StateHashes {
  readonly #turn: Turn;
  readonly #indexes = new Float64Array(KEPT);
  readonly #hashes = new Float64Array(KEPT);
  /** What peers claimed of indexes that we have not reached yet: the newest one per peer. */
  readonly #early = new Map<MemberId, { index: number; hash: number }>();
  /** Indexes at which somebody differed: who claims what. */
  readonly #disputes = new Map<number, Dispute>();
  #newest = 0;
  #told = 0;
  #toldMs = 0;

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  /** Called at every applied multiple of `HASH_EVERY`. */
  record(index: number, hash: number): void {
    const slot = (index / HASH_EVERY) % KEPT;
    this.#indexes[slot] = index;
    this.#hashes[slot] = hash;
    this.#newest = index;
  }

  /** After a batch: peers that were ahead of us can be compared now. */
  applied(index: number): void {
    if (this.#early.size === 0) return;
    for (const [peer, claim] of [...this.#early]) {
      if (claim.index > index) continue;
      this.#early.delete(peer);
      this.#compare(peer, claim.index, claim.hash);
    }
  }

  receive(from: MemberId, index: number, hash: number): void {
    const dispute = this.#disputes.get(index);
    if (dispute !== undefined) dispute.claims.set(from, hash);
    else if (index > this.#newest) this.#early.set(from, { index, hash });
    else this.#compare(from, index, hash);
  }

  tick(nowMs: number, peers: readonly MemberId[]): void {
    for (const [index, dispute] of this.#disputes) {
      if (nowMs - dispute.sinceMs >= DISPUTE_MS) this.#disputes.delete(index);
    }
    if (this.#newest === this.#told || nowMs - this.#toldMs < TELL_EVERY_MS) return;
    this.#told = this.#newest;
    this.#toldMs = nowMs;
    this.#tell(this.#newest, peers);
  }

  /** Who differs from a majority of the voters at an index where members were found to differ. */
  oddMembers(membership: Membership): MemberId[] {
    const odd = new Set<MemberId>();
    for (const { claims } of this.#disputes.values()) {
      const agreed = majority(claims, membership.voters);
      if (agreed === undefined) continue;
      for (const [member, hash] of claims) if (hash !== agreed) odd.add(member);
    }
    return [...odd].sort();
  }

  /** Somebody differs: the answers are awaited. */
  get disputed(): boolean {
    return this.#disputes.size > 0;
  }

  /** The state was replaced as a whole: what was recorded is of another one. */
  reset(): void {
    this.#indexes.fill(0);
    this.#early.clear();
    this.#disputes.clear();
    this.#newest = 0;
    this.#told = 0;
  }

  #compare(from: MemberId, index: number, hash: number): void {
    const own = this.#ownAt(index);
    if (own === undefined || own === hash) return;
    if (this.#disputes.size >= DISPUTES_MAX) return;
    const claims = new Map([
      [this.#turn.id, own],
      [from, hash],
    ]);
    this.#disputes.set(index, { claims, sinceMs: this.#turn.ports.clock.monotonicMs() });
    this.#turn.observe({ kind: "stateHash.differs", level: "error", index, peer: from });
    this.#tell(index, this.#turn.core.status().membership.voters);
  }

  #tell(index: number, peers: readonly MemberId[]): void {
    const hash = this.#ownAt(index);
    if (hash === undefined) return;
    for (const peer of peers) {
      if (peer !== this.#turn.id) this.#turn.send(peer, { kind: "stateHash", index, hash });
    }
  }

  #ownAt(index: number): number | undefined {
    const slot = (index / HASH_EVERY) % KEPT;
    return this.#indexes[slot] === index ? this.#hashes[slot] : undefined;
  }
}

function majority(
  claims: ReadonlyMap<MemberId, number>,
  voters: readonly MemberId[],
): number | undefined {
  const counts = new Map<number, number>();
  for (const voter of voters) {
    const hash = claims.get(voter);
    if (hash !== undefined) counts.set(hash, (counts.get(hash) ?? 0) + 1);
  }
  for (const [hash, count] of counts) if (count * 2 > voters.length) return hash;
  return undefined;
}
