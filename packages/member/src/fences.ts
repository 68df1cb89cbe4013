// A new leader ends what older ones left, also in Paxos, where it need not have found all of it: what
// leader L1 proposed beyond the slots that phase 1 showed to L2 may lie on a few acceptors, and a later
// leader that finds it there has to complete it. The log agrees; but a lease that L2 kept alive would end
// by L1's revoke, and a write that a read at L2 showed to have failed would take effect after all.
//
// The rule. A leader begins with a fence, an entry that names its ballot. A fence is in force once it is
// applied, if its ballot is higher than that of the one before; else it does nothing. Every command is
// stamped with the place of the fence under which it was proposed, and is void, which is to do nothing,
// where another fence is in force. A leader proposes no command before its own fence is in force, and no
// member releases a read before the fence of the leader that confirmed it, or a higher one, is.
//
// Why nothing old takes effect after such a read. A fence of L2 or of a higher ballot was in force, so only
// ever higher ones are afterwards, and a command that counts names one of these. It was stamped by the one
// leader of that ballot. L1 is of a lower ballot: nothing that it stamped counts, wherever it turns up.
//
// Why nothing acknowledged is void. Whether a command counts follows from the entries up to its own alone,
// which are the same everywhere, whatever ballot each member learned them under, and however it came to
// them (memberships, snapshots and transfers change who leads, and never what is chosen). Acknowledged is
// what was applied, and applied once is applied everywhere. What is void can be proposed again, for certain.
//
// Why a leader's commands count. They stand behind its fence, which it has applied. Only a fence of a higher
// ballot can come between, when a quorum has promised that one: this leader chooses nothing more.
//
// The fence in force is kept with the state's point, so that a restart and a snapshot bring it along.

import { olderEntriesMayFollow, type Protocol } from "@althing/consensus";
import { fencePayload, type Lead } from "./envelope.ts";
import { decodePointMeta, type Fence, noFence } from "./point-meta.ts";
import { FENCE_TOKEN, type Turn } from "./turn.ts";

export class Fences {
  readonly #turn: Turn;
  /** Where the protocol itself sees to it, nobody proposes fences or waits for them. */
  readonly #isNeeded: boolean;
  #inForce: Fence;
  /** The epoch in which this member has proposed its fence. */
  #proposedEpoch = 0;
  #wasRejected = false;

  constructor(turn: Turn, protocol: Pick<Protocol, "name">, meta: Uint8Array) {
    this.#turn = turn;
    this.#isNeeded = olderEntriesMayFollow(protocol);
    this.#inForce = decodePointMeta(meta)?.fence ?? noFence;
  }

  // ------------------------------------------------------------ as applied, alike on every member

  apply(index: number, lead: Lead): void {
    if (isHigher(lead, this.#inForce)) this.#inForce = { index, ...lead };
  }

  /** Whether a command stamped with this fence counts here. */
  counts(stamp: number): boolean {
    return stamp === 0 || stamp === this.#inForce.index;
  }

  /** For the state's point. */
  get inForce(): Fence {
    return this.#inForce;
  }

  /** A snapshot took the place of the state. */
  reset(meta: Uint8Array): void {
    this.#inForce = decodePointMeta(meta)?.fence ?? noFence;
  }

  // -------------------------------------------------------------------------- as the one who leads

  /** What the leader writes into its commands; undefined: not yet. */
  get stamp(): number | undefined {
    if (!this.#isNeeded) return 0;
    return this.#isOwn ? this.#inForce.index : undefined;
  }

  /** Proposes the fence, once in each lead. True if it did. */
  stepAsLeader(): boolean {
    const { role, epoch } = this.#turn.leadership;
    if (!this.#isNeeded || role !== "leader") return false;
    if (this.#proposedEpoch === epoch || this.#isOwn) return false;
    this.#proposedEpoch = epoch;
    const payload = fencePayload({ epoch, proposer: this.#turn.id });
    this.#turn.step({ kind: "propose", proposals: [{ token: FENCE_TOKEN, payload }] });
    return true;
  }

  /** It is proposed again with the next tick; twice in one lead does no harm. */
  rejected(): void {
    this.#wasRejected = true;
  }

  tick(): void {
    if (this.#wasRejected) this.#proposedEpoch = 0;
    this.#wasRejected = false;
  }

  // ------------------------------------------------------------------------------------- for reads

  /** Nothing that was proposed before this lead can still take effect. */
  isPast(lead: Lead): boolean {
    return !this.#isNeeded || !isHigher(lead, this.#inForce);
  }

  get #isOwn(): boolean {
    const { epoch, proposer } = this.#inForce;
    return epoch === this.#turn.leadership.epoch && proposer === this.#turn.id;
  }
}

/** As ballots are ordered: by the epoch, then by the leader's name. */
function isHigher(one: Lead, other: Lead): boolean {
  if (one.epoch !== other.epoch) return one.epoch > other.epoch;
  return one.proposer > other.proposer;
}
