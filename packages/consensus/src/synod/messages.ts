// What is said in one instance of the synod protocol (Paxos Made Simple §2.2, phases 1 and 2).

import type { Ballot } from "./ballot.ts";

/** A proposal is a number and a value. */
export interface Proposed<Value> {
  readonly ballot: Ballot;
  readonly value: Value;
}

export type SynodRequest<Value> =
  /** Phase 1a: accept nothing numbered lower any more; what have you accepted? */
  | { readonly kind: "prepare"; readonly ballot: Ballot }
  /** Phase 2a. */
  | { readonly kind: "accept"; readonly ballot: Ballot; readonly value: Value };

export type SynodResponse<Value> =
  /** Phase 1b: the promise, and the highest-numbered proposal accepted so far, if any. */
  | {
      readonly kind: "promise";
      readonly ballot: Ballot;
      readonly accepted: Proposed<Value> | undefined;
    }
  /** Phase 2b; learners hear it as well. */
  | { readonly kind: "accepted"; readonly ballot: Ballot; readonly value: Value }
  /** A promise stands in the way (§2.2, end: an optimization, for proposers to give up early). */
  | { readonly kind: "refused"; readonly ballot: Ballot; readonly promised: Ballot };

export type SynodMessage<Value> = SynodRequest<Value> | SynodResponse<Value>;
