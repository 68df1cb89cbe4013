// Leadership transfer (dissertation §3.10): stop taking proposals, bring the target up to date, tell
// it to campaign at once, give up after an election timeout. Also how a leader steps down, and how
// leadership moves to a member of higher priority.

import type { MemberId, Token } from "../contract.ts";
import { reject, send } from "../outbox/outbox.ts";
import { type Leadership, peerOf } from "./leadership.ts";
import { voidLease } from "./lease.ts";
import { becomeFollower } from "./role.ts";
import type { Raft } from "./self.ts";
import { bestSuccessor, isIncomingVoter } from "./successor.ts";

/** Checks of the quorum to wait after an attempt that may have failed. */
const checksBetweenHandovers = 10;

export function transferLeadership(raft: Raft, to: MemberId, token: Token): void {
  if (raft.leadership === undefined) {
    reject(raft, token, "notLeader");
  } else if (raft.transfer !== undefined) {
    reject(raft, token, "leadershipTransferInProgress");
  } else if (to === raft.settings.id) {
    raft.outbox.answers.push({ kind: "transferred", token });
  } else if (!isIncomingVoter(raft, to)) {
    reject(raft, token, "transfereeInvalid");
  } else {
    begin(raft, to, token, false);
  }
}

/**
 * This member is not fit to lead: to a follower that can, or else to nobody. Answers to one that
 * stands come too late.
 */
export function stepDown(raft: Raft): void {
  const leadership = raft.leadership;
  if (leadership === undefined) {
    if (raft.role !== "follower") becomeFollower(raft, raft.term, undefined);
    return;
  }
  const transfer = raft.transfer;
  if (transfer !== undefined) {
    raft.transfer = { ...transfer, thenStepDown: true };
    return;
  }
  const successor = bestSuccessor(raft, leadership);
  if (successor === undefined) becomeFollower(raft, raft.term, undefined);
  else begin(raft, successor.id, undefined, true);
}

/** A leader's turn ends: the target may have caught up. */
export function maybeSendTimeoutNow(raft: Raft, leadership: Leadership): void {
  const transfer = raft.transfer;
  if (transfer === undefined || transfer.timeoutNowSent) return;
  if (peerOf(leadership, transfer.to)?.match !== raft.log.lastIndex) return;
  transfer.timeoutNowSent = true;
  voidLease(leadership);
  send(raft, transfer.to, { kind: "timeoutNow", term: raft.term });
}

/** The message may have been lost; the target ignores it once it has campaigned. */
export function repeatTimeoutNow(raft: Raft): void {
  if (raft.transfer !== undefined) raft.transfer.timeoutNowSent = false;
}

export function tickTransfer(raft: Raft): void {
  const transfer = raft.transfer;
  if (transfer === undefined) return;
  const leads = raft.role === "leader";
  if (leads && !isIncomingVoter(raft, transfer.to)) {
    end(raft, "transfereeInvalid");
  } else if (--transfer.ticksLeft <= 0) {
    end(raft, "timedOut");
  } else {
    return;
  }
  if (leads && transfer.thenStepDown) becomeFollower(raft, raft.term, undefined);
}

/** At each check of the quorum: does somebody of higher priority have all that is committed? */
export function maybeHandOver(raft: Raft, leadership: Leadership): void {
  if (--leadership.checksUntilHandover > 0 || raft.transfer !== undefined) return;
  leadership.checksUntilHandover = 0;
  const successor = bestSuccessor(raft, leadership);
  if (successor === undefined || successor.priority <= raft.settings.priority) return;
  if (successor.match < raft.commitIndex) return;
  leadership.checksUntilHandover = checksBetweenHandovers;
  begin(raft, successor.id, undefined, false);
}

function begin(raft: Raft, to: MemberId, token: Token | undefined, thenStepDown: boolean): void {
  const ticksLeft = raft.settings.electionTicks;
  raft.transfer = { to, token, thenStepDown, ticksLeft, timeoutNowSent: false };
}

function end(raft: Raft, reason: "timedOut" | "transfereeInvalid"): void {
  const token = raft.transfer?.token;
  raft.transfer = undefined;
  if (token !== undefined) reject(raft, token, reason);
}
