// How a member comes to stand for election and how the answers are counted (Raft §5.2): first the
// pre-vote, then, with a quorum of those, the vote. Only a transfer skips the first.

import type { MemberId } from "../contract.ts";
import { votersOf } from "../membership/membership.ts";
import { send, sendAfterDisk } from "../outbox/outbox.ts";
import { quorumVerdict } from "../quorum/quorum.ts";
import { hasPromised } from "./loyalty.ts";
import type { MessageOf } from "./messages.ts";
import {
  becomeCandidate,
  becomeFollower,
  becomeLeader,
  becomePreCandidate,
  isPromotable,
} from "./role.ts";
import { membership, type Raft } from "./self.ts";

/** The election timer ran out, or somebody asked for it. */
export function campaign(raft: Raft): void {
  if (raft.role === "leader" || !isPromotable(raft)) return;
  if (hasPromised(raft)) {
    // Its own vote is promised as well: the timer goes off again when the promise has ended.
    raft.timer.hurry(0);
    return;
  }
  becomePreCandidate(raft);
  requestPreVotes(raft);
  countVotes(raft);
}

/** A request or its answer may be lost: whoever has not answered is asked again, in time. */
export function tickCampaign(raft: Raft): void {
  raft.ticksCampaigning++;
  if (raft.ticksCampaigning % raft.settings.heartbeatTicks !== 0) return;
  if (raft.role === "preCandidate") requestPreVotes(raft);
  else if (raft.role === "candidate") requestVotes(raft);
}

export function preVoteRequest(raft: Raft): MessageOf<"preVoteRequest"> {
  return {
    kind: "preVoteRequest",
    term: raft.term + 1,
    lastIndex: raft.log.lastIndex,
    lastTerm: raft.log.lastEpoch,
    priority: raft.settings.priority,
  };
}

/** A new term and a vote for itself, which counts once it is on disk, as everybody's does. */
export function standForElection(raft: Raft, transfer: boolean): void {
  becomeCandidate(raft, transfer);
  requestVotes(raft);
}

export function countVotes(raft: Raft): void {
  const verdict = quorumVerdict(membership(raft), raft.votes);
  if (verdict === "won") {
    if (raft.role === "preCandidate") standForElection(raft, false);
    else becomeLeader(raft);
  } else if (verdict === "lost") {
    becomeFollower(raft, raft.term, undefined);
  }
}

/** A write was reported durable: perhaps the one with this candidate's own vote. */
export function noteOwnVoteDurable(raft: Raft, sequence: number): void {
  if (raft.role !== "candidate" || raft.ownVoteSequence === undefined) return;
  if (sequence < raft.ownVoteSequence) return;
  raft.votes.set(raft.settings.id, true);
  countVotes(raft);
}

/** Raft §5.4.1: compare the last term first, and the length only when it is the same. */
export function isUpToDate(
  raft: Raft,
  candidate: { readonly lastTerm: number; readonly lastIndex: number },
): boolean {
  const { lastEpoch, lastIndex } = raft.log;
  if (candidate.lastTerm !== lastEpoch) return candidate.lastTerm > lastEpoch;
  return candidate.lastIndex >= lastIndex;
}

function requestPreVotes(raft: Raft): void {
  const message = preVoteRequest(raft);
  for (const voter of unheard(raft)) send(raft, voter, message);
}

function requestVotes(raft: Raft): void {
  const message = {
    kind: "voteRequest",
    term: raft.term,
    lastIndex: raft.log.lastIndex,
    lastTerm: raft.log.lastEpoch,
    transfer: raft.standsByTransfer,
  } as const;
  // They wait for the disk too: a member whose disk is stuck must not win.
  for (const voter of unheard(raft)) sendAfterDisk(raft, voter, message);
}

/** Voters that have not answered yet, this member left out. */
function unheard(raft: Raft): MemberId[] {
  const { settings, votes } = raft;
  return votersOf(membership(raft)).filter((voter) => voter !== settings.id && !votes.has(voter));
}
