// Requests of operators: membership changes and leadership transfers. They are rare, asked of the
// leader itself, and answered when their effect is certain: a change when its final configuration is
// settled (no minority's loss can undo it, nor that of the members it removed) and applied here, a
// transfer when the other one leads.

import type { MemberId, MembershipChange, RejectReason } from "@althing/consensus";
import { MemberError, type MemberErrorCode } from "./contract.ts";
import { ADMIN_TOKENS, type Turn } from "./turn.ts";

type AdminDone = (error: MemberError | undefined) => void;

interface AdminRequest {
  readonly kind: "change" | "transfer";
  readonly done: AdminDone;
  readonly deadlineMs: number;
  readonly epoch: number;
  /** Where the change stands in the log, once accepted. */
  index: number;
}

const CODES: Record<RejectReason, MemberErrorCode> = {
  notLeader: "notLeader",
  leadershipTransferInProgress: "overloaded",
  membershipChangeInProgress: "membershipChangeInProgress",
  membershipChangeInvalid: "membershipChangeInvalid",
  learnerNotCaughtUp: "learnerNotCaughtUp",
  transfereeInvalid: "transfereeInvalid",
  overloaded: "overloaded",
  leadershipLost: "leaderChanged",
  timedOut: "timedOut",
};

const WORDS: Record<RejectReason, string> = {
  notLeader: "this member does not lead: ask the leader",
  leadershipTransferInProgress: "leadership is being handed over: try again",
  membershipChangeInProgress: "another membership change is under way",
  membershipChangeInvalid: "the change does not fit the membership in force",
  learnerNotCaughtUp: "the learner has not caught up with the leader's log yet",
  transfereeInvalid: "leadership can be handed to another voter that follows, and to none else",
  overloaded: "the leader has too much work in flight",
  leadershipLost: "leadership was lost while the request was under way",
  timedOut: "the request was not done in time",
};

export class AdminRequests {
  readonly #turn: Turn;
  readonly #requests = new Map<number, AdminRequest>();
  #nextToken = ADMIN_TOKENS;
  /** Where the last membership stands that this member, as leader, found settled, or applied. */
  #settledIndex = 0;
  #appliedIndex = 0;

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  change(changes: readonly MembershipChange[], context: Uint8Array, done: AdminDone): void {
    const token = this.#open("change", done);
    this.#turn.step({ kind: "changeMembership", changes, context, token });
  }

  transfer(to: MemberId, done: AdminDone): void {
    const token = this.#open("transfer", done);
    this.#turn.step({ kind: "transferLeadership", to, token });
  }

  accepted(token: number, index: number): void {
    const request = this.#requests.get(token);
    if (request !== undefined) request.index = index;
  }

  rejected(token: number, reason: RejectReason): void {
    const request = this.#requests.get(token);
    if (request === undefined) return;
    // A transfer that ends because the transferee leads has ended well, however it is told.
    const moved = request.kind === "transfer" && reason === "leadershipLost";
    const lost = reason === "leadershipLost" || reason === "timedOut";
    const unknown = lost && request.kind === "change" && request.index > 0;
    this.#settle(token, moved ? undefined : adminError(reason, unknown));
  }

  transferred(token: number): void {
    this.#settle(token, undefined);
  }

  leadershipChanged(): void {
    const { role, epoch } = this.#turn.leadership;
    for (const [token, request] of [...this.#requests]) {
      if (role === "leader" && request.epoch === epoch) continue;
      // Lost between the asking and the answer: the core's own word, if any, comes first.
      if (request.kind === "transfer" || this.#isCertain(request)) continue;
      this.#settle(token, adminError("leadershipLost", true));
    }
  }

  /** Whether what the membership in force says is certain: see the core's effect of that name. */
  get isSettled(): boolean {
    const { role, membershipIndex } = this.#turn.core.status();
    return role === "leader" && this.#settledIndex >= membershipIndex;
  }

  membershipSettled(index: number): void {
    this.#settledIndex = index;
    this.#answerCertain();
  }

  membershipApplied(index: number): void {
    this.#appliedIndex = index;
    this.#answerCertain();
  }

  tick(nowMs: number): void {
    for (const [token, request] of [...this.#requests]) {
      if (nowMs < request.deadlineMs) continue;
      this.#settle(token, adminError("timedOut", request.index > 0));
    }
  }

  failAll(code: MemberErrorCode, message: string): void {
    for (const token of [...this.#requests.keys()]) {
      this.#settle(token, new MemberError(code, "unknown", message));
    }
  }

  #answerCertain(): void {
    for (const [token, request] of [...this.#requests]) {
      const isDone = this.#isCertain(request) && this.#settledIndex <= this.#appliedIndex;
      if (isDone) this.#settle(token, undefined);
    }
  }

  #isCertain({ kind, index }: AdminRequest): boolean {
    return kind === "change" && index > 0 && index <= this.#settledIndex;
  }

  #open(kind: "change" | "transfer", done: AdminDone): number {
    const token = this.#nextToken++;
    const deadlineMs = this.#turn.ports.clock.monotonicMs() + this.#turn.waits.requestMs;
    const { epoch } = this.#turn.leadership;
    this.#requests.set(token, { kind, done, deadlineMs, epoch, index: 0 });
    this.#turn.schedule();
    return token;
  }

  #settle(token: number, error: MemberError | undefined): void {
    const request = this.#requests.get(token);
    if (request === undefined) return;
    this.#requests.delete(token);
    this.#turn.guard(() => request.done(error));
  }
}

function adminError(reason: RejectReason, unknown: boolean): MemberError {
  return new MemberError(CODES[reason], unknown ? "unknown" : "notExecuted", WORDS[reason]);
}
