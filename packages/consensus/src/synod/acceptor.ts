// The acceptor (Paxos Made Simple §2.2): P1a, it may accept a proposal numbered n exactly if it has
// not answered a prepare request numbered higher. Whoever runs it makes `durable` durable before any
// answer leaves (§3: it "must remember" across failures and restarts).

import { type Ballot, compareBallots, noBallot } from "./ballot.ts";
import type { Proposed, SynodRequest, SynodResponse } from "./messages.ts";

/** All that an acceptor must remember. */
export interface AcceptorState<Value> {
  readonly promised: Ballot;
  readonly accepted: Proposed<Value> | undefined;
}

export class Acceptor<Value> {
  #state: AcceptorState<Value>;

  constructor(durable: AcceptorState<Value> = { promised: noBallot, accepted: undefined }) {
    this.#state = durable;
  }

  /** To be written before the answer that `receive` returned is sent. */
  get durable(): AcceptorState<Value> {
    return this.#state;
  }

  receive(request: SynodRequest<Value>): SynodResponse<Value> {
    const { ballot } = request;
    const { promised, accepted } = this.#state;
    if (compareBallots(ballot, promised) < 0) return { kind: "refused", ballot, promised };
    if (request.kind === "prepare") {
      this.#state = { promised: ballot, accepted };
      return { kind: "promise", ballot, accepted };
    }
    const { value } = request;
    this.#state = { promised: ballot, accepted: { ballot, value } };
    return { kind: "accepted", ballot, value };
  }
}
