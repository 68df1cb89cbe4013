// The learner (Paxos Made Simple §2.3): a value is chosen once a quorum has accepted it under one
// ballot. What acceptors accepted under different ballots does not add up, even if it is the same.

import type { MemberId } from "../contract.ts";
import { type Ballot, describeBallot } from "./ballot.ts";
import type { SynodResponse } from "./messages.ts";
import type { IsQuorum } from "./proposer.ts";

export class Learner<Value> {
  readonly #isQuorum: IsQuorum;
  readonly #accepted = new Map<string, Set<MemberId>>();
  #chosen: { readonly ballot: Ballot; readonly value: Value } | undefined;

  constructor(isQuorum: IsQuorum) {
    this.#isQuorum = isQuorum;
  }

  /** Undefined until the value is known to be chosen; never another afterwards. */
  get chosen(): { readonly ballot: Ballot; readonly value: Value } | undefined {
    return this.#chosen;
  }

  receive(from: MemberId, response: SynodResponse<Value>): void {
    if (response.kind !== "accepted" || this.#chosen !== undefined) return;
    const key = describeBallot(response.ballot);
    const acceptors = this.#accepted.get(key) ?? new Set();
    this.#accepted.set(key, acceptors.add(from));
    if (this.#isQuorum(acceptors)) this.#chosen = response;
  }
}
