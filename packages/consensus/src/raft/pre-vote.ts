// The pre-vote (dissertation §9.6): a member learns whether it could win before it raises its term,
// so that one that was cut off comes back without deposing anybody.

import type { MemberId } from "../contract.ts";
import { send } from "../outbox/outbox.ts";
import { countVotes, isUpToDate, preVoteRequest } from "./election.ts";
import { isLoyal } from "./loyalty.ts";
import type { MessageOf } from "./messages.ts";
import { becomeFollower } from "./role.ts";
import type { Raft } from "./self.ts";

export function handlePreVoteRequest(
  raft: Raft,
  from: MemberId,
  message: MessageOf<"preVoteRequest">,
): void {
  const canGrant = message.term > raft.term && isUpToDate(raft, message) && !isLoyal(raft, from);
  const goesFirst = canGrant && isAheadOf(raft, from, message);
  // Who campaigns is loyal to nobody any more: if it refused before, it is worth asking again.
  if (goesFirst && raft.votes.get(from) !== true) send(raft, from, preVoteRequest(raft));
  if (!canGrant || goesFirst) {
    // With its own term, so that a member that fell behind in terms is heard again next time.
    send(raft, from, { kind: "preVoteResponse", term: raft.term, granted: false });
    return;
  }
  if (raft.role === "preCandidate") becomeFollower(raft, raft.term, undefined);
  // Whoever was told "go ahead" gets the time to.
  raft.timer.postpone(raft.settings.heartbeatTicks * 2);
  send(raft, from, { kind: "preVoteResponse", term: message.term, granted: true });
}

export function handlePreVoteResponse(
  raft: Raft,
  from: MemberId,
  message: MessageOf<"preVoteResponse">,
): void {
  if (message.granted) {
    if (message.term !== raft.term + 1) return;
    raft.votes.set(from, true);
  } else if (!raft.votes.has(from)) {
    raft.votes.set(from, false);
  }
  countVotes(raft);
}

/**
 * Two members that begin together would both be told yes and then split the vote. Of two with equal
 * logs the one of higher priority, then of higher id, goes first. Only for as long as a heartbeat
 * takes: it may be unable to reach the others, and must not be in the way of who can.
 */
function isAheadOf(raft: Raft, from: MemberId, message: MessageOf<"preVoteRequest">): boolean {
  if (raft.role !== "preCandidate") return false;
  if (raft.ticksCampaigning > raft.settings.heartbeatTicks) return false;
  const { lastEpoch, lastIndex } = raft.log;
  if (message.lastTerm !== lastEpoch || message.lastIndex !== lastIndex) return false;
  const { priority, id } = raft.settings;
  return message.priority !== priority ? message.priority < priority : from < id;
}
