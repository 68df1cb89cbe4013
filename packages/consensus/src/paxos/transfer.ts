// Leadership transfer: stop taking proposals, bring the target up to date, tell
// it to prepare at once, give up after an election timeout. Also how a leader steps down, and how
// leadership moves to a member of higher priority.

import type { MemberId, Token } from "../contract.ts";
import { reject, send } from "../outbox/outbox.ts";
import { standForElection } from "./election.ts";
import { type Leadership, lastSlot, peerOf } from "./leadership.ts";
import { voidLease } from "./lease.ts";
import type { MessageOf } from "./messages.ts";
import { becomeFollower, isPromotable } from "./role.ts";
import type { Paxos } from "./self.ts";
import { bestSuccessor, isIncomingVoter } from "./successor.ts";

/** Checks of the quorum to wait after an attempt that may have failed. */
const checksBetweenHandovers = 10;

export function transferLeadership(paxos: Paxos, to: MemberId, token: Token): void {
  if (paxos.leadership === undefined) {
    reject(paxos, token, "notLeader");
  } else if (paxos.transfer !== undefined) {
    reject(paxos, token, "leadershipTransferInProgress");
  } else if (to === paxos.settings.id) {
    paxos.outbox.answers.push({ kind: "transferred", token });
  } else if (!isIncomingVoter(paxos, to)) {
    reject(paxos, token, "transfereeInvalid");
  } else {
    begin(paxos, to, token, false);
  }
}

/**
 * This member is not fit to lead: to a follower that can, or else to nobody. Answers to one that
 * stands come too late.
 */
export function stepDown(paxos: Paxos): void {
  const leadership = paxos.leadership;
  if (leadership === undefined) {
    if (paxos.role !== "follower") becomeFollower(paxos, paxos.promised, false);
    return;
  }
  const transfer = paxos.transfer;
  if (transfer !== undefined) {
    paxos.transfer = { ...transfer, thenStepDown: true };
    return;
  }
  const successor = bestSuccessor(paxos, leadership);
  if (successor === undefined) becomeFollower(paxos, paxos.promised, false);
  else begin(paxos, successor.id, undefined, true);
}

/** A leader's turn ends: the target may have caught up. */
export function maybeSendTakeOver(paxos: Paxos, leadership: Leadership): void {
  const transfer = paxos.transfer;
  if (transfer === undefined || transfer.takeOverSent) return;
  if (peerOf(leadership, transfer.to)?.match !== lastSlot(leadership)) return;
  transfer.takeOverSent = true;
  voidLease(leadership);
  send(paxos, transfer.to, { kind: "takeOver", ballot: paxos.promised });
}

/** The message may have been lost; the target ignores it once it has campaigned. */
export function repeatTakeOver(paxos: Paxos): void {
  if (paxos.transfer !== undefined) paxos.transfer.takeOverSent = false;
}

export function tickTransfer(paxos: Paxos): void {
  const transfer = paxos.transfer;
  if (transfer === undefined) return;
  const leads = paxos.role === "leader";
  if (leads && !isIncomingVoter(paxos, transfer.to)) {
    end(paxos, "transfereeInvalid");
  } else if (--transfer.ticksLeft <= 0) {
    end(paxos, "timedOut");
  } else {
    return;
  }
  if (leads && transfer.thenStepDown) becomeFollower(paxos, paxos.promised, false);
}

/** At each check of the quorum: does somebody of higher priority have all that is committed? */
export function maybeHandOver(paxos: Paxos, leadership: Leadership): void {
  if (--leadership.checksUntilHandover > 0 || paxos.transfer !== undefined) return;
  leadership.checksUntilHandover = 0;
  const successor = bestSuccessor(paxos, leadership);
  if (successor === undefined || successor.priority <= paxos.settings.priority) return;
  if (successor.match < paxos.commitIndex) return;
  leadership.checksUntilHandover = checksBetweenHandovers;
  begin(paxos, successor.id, undefined, false);
}

function begin(paxos: Paxos, to: MemberId, token: Token | undefined, thenStepDown: boolean): void {
  const ticksLeft = paxos.settings.electionTicks;
  paxos.transfer = { to, token, thenStepDown, ticksLeft, takeOverSent: false };
}

function end(paxos: Paxos, reason: "timedOut" | "transfereeInvalid"): void {
  const token = paxos.transfer?.token;
  paxos.transfer = undefined;
  if (token !== undefined) reject(paxos, token, reason);
}

/** The leader hands over to this member. */
export function handleTakeOver(
  paxos: Paxos,
  from: MemberId,
  { ballot }: MessageOf<"takeOver">,
): void {
  if (paxos.leader !== from || !isPromotable(paxos)) return;
  standForElection(paxos, ballot);
}
