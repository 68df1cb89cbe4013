// The canvass: a member learns whether its ballot would be promised before it uses one, so that one
// that was cut off comes back without deposing anybody, and duelling proposers are sorted out early.

import type { MemberId } from "../contract.ts";
import { send } from "../outbox/outbox.ts";
import { compareBallots } from "../synod/ballot.ts";
import { canvassRequest, countCanvass } from "./election.ts";
import { isLoyal } from "./loyalty.ts";
import type { MessageOf } from "./messages.ts";
import { becomeFollower, isPromotable } from "./role.ts";
import type { Paxos } from "./self.ts";

/** Election timeouts for which one that would need a snapshot first is put off. */
const timeoutsForTheWhole = 3;

export function handleCanvassRequest(
  paxos: Paxos,
  from: MemberId,
  message: MessageOf<"canvassRequest">,
): void {
  const { ballot } = message;
  const canGrant =
    compareBallots(ballot, paxos.promised) > 0 &&
    !isLoyal(paxos, from) &&
    !hasBetter(paxos, message);
  const goesFirst = canGrant && isAheadOf(paxos, from, message);
  // Who campaigns is loyal to nobody any more: if it refused before, it is worth asking again.
  if (goesFirst && paxos.votes.get(from) !== true) send(paxos, from, canvassRequest(paxos));
  const granted = canGrant && !goesFirst;
  if (granted) {
    if (paxos.role === "canvasser") becomeFollower(paxos, paxos.promised, false);
    // Whoever was told "go ahead" gets the time to.
    paxos.timer.postpone(paxos.settings.heartbeatTicks * 2);
  }
  send(paxos, from, { kind: "canvassResponse", ballot, granted, promised: paxos.promised });
}

export function handleCanvassResponse(
  paxos: Paxos,
  from: MemberId,
  message: MessageOf<"canvassResponse">,
): void {
  const { ballot, granted, promised } = message;
  if (promised.round > paxos.highestRound) paxos.highestRound = promised.round;
  if (granted) {
    if (ballot.round <= paxos.promised.round) return;
    paxos.votes.set(from, true);
  } else if (!paxos.votes.has(from)) {
    paxos.votes.set(from, false);
  }
  countCanvass(paxos);
}

/**
 * Anybody may lead, however little it holds; but one that lacks what is compacted here would keep all
 * waiting for a snapshot. It is put off while members that hold more may be able to lead.
 */
function hasBetter(paxos: Paxos, { commitIndex }: MessageOf<"canvassRequest">): boolean {
  if (commitIndex >= paxos.log.baseIndex || !isPromotable(paxos)) return false;
  return paxos.ticksSinceHeard < paxos.settings.electionTicks * timeoutsForTheWhole;
}

/**
 * Two that begin together would both be told yes and then duel. The one of higher priority, then the
 * one that knows more to be chosen, then the one of higher id goes first. Only for as long as a
 * heartbeat takes: it may be unable to reach the others, and must not be in the way of who can.
 */
function isAheadOf(paxos: Paxos, from: MemberId, message: MessageOf<"canvassRequest">): boolean {
  if (paxos.role !== "canvasser") return false;
  if (paxos.ticksCampaigning > paxos.settings.heartbeatTicks) return false;
  const { priority, id } = paxos.settings;
  if (message.priority !== priority) return message.priority < priority;
  if (message.commitIndex !== paxos.commitIndex) return message.commitIndex < paxos.commitIndex;
  return from < id;
}
