// The changes of role (Raft figure 4), each in one place: whatever a role leaves behind is settled
// here, so that no handler can forget it.

import { assert } from "../assert.ts";
import type { Epoch, MemberId } from "../contract.ts";
import { isVoter } from "../membership/membership.ts";
import { alignPeers, createLeadership } from "./leadership.ts";
import { appendOwn } from "./log-writer.ts";
import { dropAcknowledgements } from "./outbox.ts";
import { abandonForwardedReads, abandonReads } from "./reads.ts";
import { membership, membershipIndex, type Raft } from "./self.ts";
import { settleTransfer } from "./transfer-settle.ts";

const nothing = new Uint8Array(0);

export function becomeFollower(raft: Raft, term: Epoch, leader: MemberId | undefined): void {
  assert(term >= raft.term, "a term never goes back");
  const wasFollower = raft.role === "follower";
  const changed = term > raft.term || leader !== raft.leader || !wasFollower;
  if (term > raft.term) enterTerm(raft, term, "");
  raft.role = "follower";
  raft.leader = leader;
  raft.leaderHungUp = false;
  if (changed) leaveRole(raft);
  if (!wasFollower) raft.timer.reset();
}

/** Asks whether an election could be won, and disturbs nobody (dissertation §9.6). */
export function becomePreCandidate(raft: Raft): void {
  assert(raft.role !== "leader", "a leader does not campaign");
  raft.role = "preCandidate";
  raft.leader = undefined;
  leaveRole(raft);
  raft.votes.set(raft.settings.id, true);
  raft.timer.reset();
}

export function becomeCandidate(raft: Raft, byTransfer: boolean): void {
  assert(raft.role !== "leader", "a leader does not campaign");
  enterTerm(raft, raft.term + 1, raft.settings.id);
  raft.role = "candidate";
  raft.standsByTransfer = byTransfer;
  raft.leader = undefined;
  leaveRole(raft);
  raft.timer.reset();
}

export function becomeLeader(raft: Raft): void {
  assert(raft.role === "candidate", "a leader was elected");
  assert(raft.vote === raft.settings.id, "a leader voted for itself");
  assert(raft.installing === undefined, "a leader's log is its own");
  const { log } = raft;
  raft.role = "leader";
  raft.leader = raft.settings.id;
  leaveRole(raft);
  const leadership = createLeadership(log.lastIndex + 1);
  raft.leadership = leadership;
  for (let index = raft.commitIndex + 1; index <= log.lastIndex; index++) {
    leadership.uncommittedBytes += log.at(index)!.payload.length;
  }
  alignPeers(raft, leadership, false);
  settleTransfer(raft);
  // Only an entry of the own term commits by counting, and it commits all before it (Raft §5.4.2,
  // §8): without it, reads and earlier entries would wait for the next proposal.
  appendOwn(raft, "noop", nothing);
}

/**
 * Voters that are fit to lead and not in the midst of replacing their log. Also one that the last membership leaves
 * out, for as long as that is not committed: it may be the only one whose log is long enough to
 * commit it (dissertation §4.2.2).
 */
export function isPromotable(raft: Raft): boolean {
  const { id } = raft.settings;
  if (raft.installing !== undefined || !raft.isFit) return false;
  if (isVoter(membership(raft), id)) return true;
  const before = raft.memberships[raft.memberships.length - 2];
  if (before === undefined || membershipIndex(raft) <= raft.commitIndex) return false;
  return isVoter(before.membership, id);
}

function enterTerm(raft: Raft, term: Epoch, vote: MemberId): void {
  raft.term = term;
  raft.vote = vote;
  raft.outbox.stateChanged = true;
  dropAcknowledgements(raft);
}

function leaveRole(raft: Raft): void {
  raft.votes.clear();
  raft.ownVoteSequence = undefined;
  raft.ticksCampaigning = 0;
  abandonForwardedReads(raft);
  if (raft.role !== "leader" && raft.leadership !== undefined) {
    abandonReads(raft, raft.leadership);
    raft.leadership = undefined;
  }
}
