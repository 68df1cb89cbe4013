// The proposer (Paxos Made Simple §2.2): phase 1 with a quorum of promises, then phase 2 with the
// value of the highest-numbered proposal among them, or with its own if there is none (P2c). It
// proposes one value per ballot, ever.

import type { MemberId } from "../contract.ts";
import { type Ballot, compareBallots, noBallot } from "./ballot.ts";
import type { Proposed, SynodRequest, SynodResponse } from "./messages.ts";

export type IsQuorum = (acceptors: ReadonlySet<MemberId>) => boolean;

export class Proposer<Value> {
  readonly #id: MemberId;
  readonly #value: Value;
  readonly #isQuorum: IsQuorum;
  #ballot: Ballot;
  #highestSeen: Ballot;
  #promises = new Set<MemberId>();
  #adopted: Proposed<Value> | undefined;
  #phase: "idle" | "preparing" | "proposing" = "idle";

  /** `lastRound`: the highest round that this proposer used before, as it stands on its disk. */
  constructor(id: MemberId, value: Value, isQuorum: IsQuorum, lastRound = 0) {
    this.#id = id;
    this.#value = value;
    this.#isQuorum = isQuorum;
    this.#ballot = { ...noBallot, round: lastRound };
    this.#highestSeen = this.#ballot;
  }

  /** The round to remember before a prepare request leaves. */
  get lastRound(): number {
    return this.#ballot.round;
  }

  get phase(): "idle" | "preparing" | "proposing" {
    return this.#phase;
  }

  /** Phase 1a with a number higher than any used or seen. For all acceptors, or at least a quorum. */
  prepare(): SynodRequest<Value> {
    this.#ballot = { round: this.#highestSeen.round + 1, proposer: this.#id };
    this.#highestSeen = this.#ballot;
    this.#promises = new Set();
    this.#adopted = undefined;
    this.#phase = "preparing";
    return { kind: "prepare", ballot: this.#ballot };
  }

  /** Phase 2a, once the answer completes a quorum of promises: for all acceptors. */
  receive(from: MemberId, response: SynodResponse<Value>): SynodRequest<Value> | undefined {
    if (response.kind === "refused") this.#noteRefusal(response.promised);
    if (response.kind !== "promise" || this.#phase !== "preparing") return undefined;
    if (compareBallots(response.ballot, this.#ballot) !== 0) return undefined;
    this.#promises.add(from);
    this.#adopted = highestOf(this.#adopted, response.accepted);
    if (!this.#isQuorum(this.#promises)) return undefined;
    this.#phase = "proposing";
    const value = this.#adopted === undefined ? this.#value : this.#adopted.value;
    return { kind: "accept", ballot: this.#ballot, value };
  }

  /** Somebody is ahead: this ballot is given up, and the next one is higher than theirs. */
  #noteRefusal(promised: Ballot): void {
    if (compareBallots(promised, this.#highestSeen) <= 0) return;
    this.#highestSeen = promised;
    this.#phase = "idle";
  }
}

/** The proposal with the higher number: the heart of P2c. */
function highestOf<Value>(
  one: Proposed<Value> | undefined,
  other: Proposed<Value> | undefined,
): Proposed<Value> | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return compareBallots(one.ballot, other.ballot) >= 0 ? one : other;
}
