// The vote (Raft §5.2, §5.4.1): one per term, durable before it is told, and only for a candidate
// whose log is at least as complete as the voter's.

import type { MemberId } from "../contract.ts";
import { send, sendAfterDisk } from "../outbox/outbox.ts";
import { countVotes, isUpToDate, standForElection } from "./election.ts";
import { isLoyal } from "./loyalty.ts";
import type { MessageOf } from "./messages.ts";
import { isPromotable } from "./role.ts";
import type { Raft } from "./self.ts";

export function handleVoteRequest(
  raft: Raft,
  from: MemberId,
  message: MessageOf<"voteRequest">,
): void {
  if (message.term === raft.term && canVoteFor(raft, from, message)) {
    if (raft.vote !== from) {
      raft.vote = from;
      raft.outbox.stateChanged = true;
    }
    raft.timer.reset();
    sendAfterDisk(raft, from, { kind: "voteResponse", term: raft.term, granted: true });
  } else {
    send(raft, from, { kind: "voteResponse", term: raft.term, granted: false });
  }
}

export function handleVoteResponse(
  raft: Raft,
  from: MemberId,
  message: MessageOf<"voteResponse">,
): void {
  // A voter's first answer in a term is the only one it can have given.
  if (!raft.votes.has(from)) raft.votes.set(from, message.granted);
  countVotes(raft);
}

/** The leader hands over to this member (dissertation §3.10). */
export function handleTimeoutNow(
  raft: Raft,
  from: MemberId,
  _message: MessageOf<"timeoutNow">,
): void {
  if (raft.leader !== from || !isPromotable(raft)) return;
  standForElection(raft, true);
}

function canVoteFor(raft: Raft, from: MemberId, message: MessageOf<"voteRequest">): boolean {
  // The same candidate asks again when the answer was lost.
  if (raft.vote === from) return true;
  if (raft.vote !== "" || raft.leader !== undefined) return false;
  if (!message.transfer && isLoyal(raft, from)) return false;
  return isUpToDate(raft, message);
}
