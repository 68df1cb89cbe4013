// What becomes of what a member is asked for. Of each failure it is said whether it may have taken effect all
// the same.

export type MemberErrorCode =
  /** There is no leader to serve the request now. */
  | "noLeader"
  /** No answer within the request timeout. */
  | "timedOut"
  /** The leader changed while the request was under way. */
  | "leaderChanged"
  /** A queue is full; nothing was done. */
  | "overloaded"
  /** The request is larger than `requestBytesMax`; nothing was done. */
  | "tooLarge"
  | "notLeader"
  | "membershipChangeInProgress"
  | "membershipChangeInvalid"
  | "learnerNotCaughtUp"
  | "transfereeInvalid"
  /** A reconfiguration that names a member that does not exist. */
  | "memberUnknown"
  | "memberExists"
  | "peerUrlTaken"
  | "tooManyLearners"
  | "notALearner"
  /** The change would need votes of members that have never started. */
  | "notEnoughStarted"
  /** The change would need votes of members that are down now. */
  | "unhealthy"
  /** This member's state differs from the others': it serves nothing until it is rebuilt. */
  | "corrupt"
  /** Its disk or log failed; it must be restarted or replaced. */
  | "failed"
  | "stopped";

export class MemberError extends Error {
  readonly code: MemberErrorCode;
  /** "unknown": the command may or may not take effect. Never reported as failure or success. */
  readonly outcome: "notExecuted" | "unknown";
  constructor(
    code: MemberErrorCode,
    outcome: "notExecuted" | "unknown",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "MemberError";
    this.code = code;
    this.outcome = outcome;
  }
}

export type ProposeOutcome<Result = unknown> =
  | { readonly kind: "applied"; readonly result: Result; readonly index: number }
  | { readonly kind: "failed"; readonly error: MemberError };
