// How a member comes to lead: it canvasses, then prepares a ballot of its own (phase 1) for all open
// slots at once, learns what is chosen and what was accepted, and needs nobody's log to be shorter
// than its own. Only a transfer skips the canvass.

import type { MemberId } from "../contract.ts";
import { votersOf } from "../membership/membership.ts";
import { send } from "../outbox/outbox.ts";
import type { Ballot } from "../synod/ballot.ts";
import { hasPromised } from "./loyalty.ts";
import type { MessageOf } from "./messages.ts";
import { askForPromises, maybeLead } from "./prepare.ts";
import { canvassVerdict } from "./quorums.ts";
import { becomeCandidate, becomeCanvasser, becomeFollower, isPromotable } from "./role.ts";
import { membership, type Paxos } from "./self.ts";

/** The election timer ran out, or somebody asked for it. */
export function campaign(paxos: Paxos): void {
  if (paxos.role === "leader" || !isPromotable(paxos)) return;
  if (hasPromised(paxos)) {
    // It granted its leader the same as everybody: the timer goes off again when that has ended.
    paxos.timer.hurry(0);
    return;
  }
  becomeCanvasser(paxos);
  const message = canvassRequest(paxos);
  for (const voter of votersOf(membership(paxos))) {
    if (voter !== paxos.settings.id) send(paxos, voter, message);
  }
  countCanvass(paxos);
}

export function canvassRequest(paxos: Paxos): MessageOf<"canvassRequest"> {
  const round = Math.max(paxos.highestRound, paxos.promised.round) + 1;
  return {
    kind: "canvassRequest",
    ballot: { round, proposer: paxos.settings.id },
    commitIndex: paxos.commitIndex,
    priority: paxos.settings.priority,
  };
}

export function countCanvass(paxos: Paxos): void {
  const { quorums } = paxos.settings;
  const verdict = canvassVerdict(quorums, membership(paxos), paxos.votes);
  if (verdict === "won") standForElection(paxos, undefined);
  else if (verdict === "lost") becomeFollower(paxos, paxos.promised, false);
}

/** Phase 1 begins. The own promise counts once it is on disk, as everybody's does. */
export function standForElection(paxos: Paxos, handedOver: Ballot | undefined): void {
  becomeCandidate(paxos, handedOver);
  askForPromises(paxos);
}

/** A write was reported durable: perhaps the one with this proposer's own promise. */
export function noteOwnPromiseDurable(paxos: Paxos, sequence: number): void {
  const { preparation } = paxos;
  if (preparation?.ownSequence === undefined || sequence < preparation.ownSequence) return;
  preparation.answers.set(paxos.settings.id, true);
  preparation.ownSequence = undefined;
  maybeLead(paxos);
}

/** Somebody else's ballot is higher: it is given up, and after a random wait tried above theirs. */
export function handleRefusal(paxos: Paxos, from: MemberId, message: MessageOf<"refusal">): void {
  const { preparation } = paxos;
  const { promised } = message;
  if (promised.round > paxos.highestRound) paxos.highestRound = promised.round;
  if (paxos.role === "leader") {
    if (promised.round > paxos.promised.round || isAbove(paxos, message)) {
      becomeFollower(paxos, paxos.promised, false);
      // Whoever stands in the way may only have been away: soon, but not all at once.
      paxos.timer.hurry(paxos.settings.heartbeatTicks);
    }
    return;
  }
  if (preparation === undefined) return;
  if (!preparation.answers.has(from)) preparation.answers.set(from, false);
  maybeLead(paxos);
}

function isAbove(paxos: Paxos, { promised }: MessageOf<"refusal">): boolean {
  return promised.round === paxos.promised.round && promised.proposer > paxos.promised.proposer;
}
