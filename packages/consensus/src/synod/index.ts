// One instance of the synod protocol, usable alone: see examples/synod.ts.

export { Acceptor, type AcceptorState } from "./acceptor.ts";
export { type Ballot, compareBallots, describeBallot, noBallot, sameBallot } from "./ballot.ts";
export { Learner } from "./learner.ts";
export type { Proposed, SynodMessage, SynodRequest, SynodResponse } from "./messages.ts";
export { type IsQuorum, Proposer } from "./proposer.ts";
