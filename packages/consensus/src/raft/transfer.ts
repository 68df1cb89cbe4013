// Leadership transfer (dissertation §3.10): stop taking proposals, bring the target up to date, tell
// it to campaign at once, give up after an election timeout. Also how a leader steps down, and how
// leadership moves to a member of higher priority.

import type { MemberId, Token } from "../contract.ts";
import { reject, send } from "../outbox/outbox.ts";
import { type Leadership, peerOf } from "./leadership.ts";
import { voidLease } from "./lease.ts";
import { becomeFollower } from "./role.ts";
import type { Raft, Transfer } from "./self.ts";
import { bestSuccessor, isIncomingVoter, nearestSuccessor } from "./successor.ts";

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
  const successor = bestSuccessor(raft, leadership) ?? nearestSuccessor(raft, leadership, []);
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
    if (waitsOn(raft, transfer)) return;
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

/**
 * Who must not lead any more, and alone holds what is committed, waits for a follower for as long as it
 * comes nearer: if it gave up before, nobody could lead.
 */
function waitsOn(raft: Raft, transfer: Transfer): boolean {
  const { leadership } = raft;
  if (leadership === undefined || !transfer.thenStepDown) return false;
  const nearest = nearestSuccessor(raft, leadership, []);
  // One that holds all can be elected without being handed the lead.
  if (nearest === undefined || nearest.match >= raft.log.lastIndex) return false;
  const waited = peerOf(leadership, transfer.to);
  const isNearer = waited && (waited.match > transfer.matchBefore || waited.state === "snapshot");
  const tried = isNearer ? [] : [...transfer.tried, transfer.to];
  const next = isNearer ? waited : nearestSuccessor(raft, leadership, tried);
  if (next === undefined) return false;
  end(raft, "timedOut");
  begin(raft, next.id, undefined, true, tried);
  return true;
}

function begin(
  raft: Raft,
  to: MemberId,
  token: Token | undefined,
  thenStepDown: boolean,
  tried: readonly MemberId[] = [],
): void {
  const ticksLeft = raft.settings.electionTicks;
  const matchBefore = raft.leadership ? (peerOf(raft.leadership, to)?.match ?? 0) : 0;
  raft.transfer = { to, token, thenStepDown, tried, matchBefore, ticksLeft, timeoutNowSent: false };
}

function end(raft: Raft, reason: "timedOut" | "transfereeInvalid"): void {
  const token = raft.transfer?.token;
  raft.transfer = undefined;
  if (token !== undefined) reject(raft, token, reason);
}
