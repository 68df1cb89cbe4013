// Changes of the membership (Raft §6, dissertation §4): through a joint configuration, which the
// leader leaves by itself once the joint entry is committed. One change at a time, and none before
// the leader has committed an entry of its own term (corpus: single-server-change-bug).

import type { Input, MemberId, Membership } from "../contract.ts";
import { encodeMembershipEntry } from "../membership/codec.ts";
import { applyChanges, isJoint, isVoter, leaveJoint } from "../membership/membership.ts";
import { reject, send, tellSettled } from "../outbox/outbox.ts";
import { type Leadership, leadershipOf, peerOf } from "./leadership.ts";
import { appendOwn } from "./log-writer.ts";
import { becomeFollower } from "./role.ts";
import { membership, membershipIndex, type Raft } from "./self.ts";
import { bestSuccessor } from "./successor.ts";

const noContext = new Uint8Array(0);

type ChangeInput = Extract<Input<never>, { readonly kind: "changeMembership" }>;

export function changeMembership(raft: Raft, input: ChangeInput): void {
  const leadership = raft.leadership;
  const { token } = input;
  if (leadership === undefined) {
    reject(raft, token, "notLeader");
    return;
  }
  if (raft.transfer !== undefined) {
    reject(raft, token, "leadershipTransferInProgress");
    return;
  }
  const current = membership(raft);
  const isUnderWay = membershipIndex(raft) > raft.commitIndex || isJoint(current);
  if (isUnderWay || raft.commitIndex < leadership.termStartIndex) {
    reject(raft, token, "membershipChangeInProgress");
    return;
  }
  const outcome = applyChanges(current, input.changes);
  if (outcome.kind === "invalid") {
    reject(raft, token, "membershipChangeInvalid");
    return;
  }
  const next = outcome.membership;
  if (promoted(current, next).some((member) => !hasCaughtUp(leadership, member))) {
    reject(raft, token, "learnerNotCaughtUp");
    return;
  }
  const payload = encodeMembershipEntry(next, input.context);
  const { index, epoch } = appendOwn(raft, "membership", payload);
  raft.outbox.answers.push({ kind: "accepted", token, index, epoch });
}

/** The leader's commit index moved. */
export function afterCommit(raft: Raft): void {
  maybeLeaveJoint(raft);
  if (membershipIndex(raft) > raft.commitIndex || isJoint(membership(raft))) return;
  // A quorum of its voters holds it, and whoever holds it counts by it: the others are not needed.
  tellSettled(raft, leadershipOf(raft), membershipIndex(raft));
  if (!isVoter(membership(raft), raft.settings.id)) stepAside(raft);
}

/**
 * Whoever leads when the joint configuration is committed ends it, also a leader that found it in
 * its log (corpus: never-leaves-joint); never before (corpus: recovered-joint-left-uncommitted).
 */
export function maybeLeaveJoint(raft: Raft): void {
  const leadership = leadershipOf(raft);
  if (raft.transfer !== undefined || raft.commitIndex < leadership.termStartIndex) return;
  if (!isJoint(membership(raft)) || membershipIndex(raft) > raft.commitIndex) return;
  appendOwn(raft, "membership", encodeMembershipEntry(leaveJoint(membership(raft)), noContext));
}

/**
 * A learner votes only once it has all that the leader had an election timeout ago: it can keep up
 * (dissertation §4.2.1), and the quorum does not have to wait for it.
 */
function hasCaughtUp(leadership: Leadership, member: MemberId): boolean {
  const peer = peerOf(leadership, member);
  if (peer === undefined || peer.state !== "replicate") return false;
  if (!peer.recentlyActive && !leadership.activeBefore.has(member)) return false;
  return peer.match >= leadership.lastIndexAtCheckBefore;
}

/** A leader that is no longer a voter leads until that is committed, and not longer (§4.2.2). */
function stepAside(raft: Raft): void {
  const leadership = leadershipOf(raft);
  for (const { id, match } of leadership.peers) {
    const commitIndex = Math.min(match, raft.commitIndex);
    send(raft, id, { kind: "commitNotice", term: raft.term, commitIndex });
  }
  const successor = bestSuccessor(raft, leadership);
  if (successor?.match === raft.log.lastIndex) {
    send(raft, successor.id, { kind: "timeoutNow", term: raft.term });
  }
  becomeFollower(raft, raft.term, undefined);
}

function promoted(current: Membership, next: Membership): MemberId[] {
  return next.voters.filter((member) => current.learners.includes(member));
}
