// Changes of the membership, through the log: a membership governs the slots after the one in which it
// was chosen, and the leader proposes nothing beyond that slot before. So every slot's quorums are
// decided by what is chosen before it, and each slot alone is an instance of the synod protocol.
// The change passes through a joint configuration for one reason: agreement does not need it, but
// what the old voters alone hold must have reached a quorum of the new ones before they may go.

import type { Index, Input, MemberId, Membership } from "../contract.ts";
import { encodeMembershipEntry } from "../membership/codec.ts";
import { applyChanges, isJoint, isVoter, leaveJoint } from "../membership/membership.ts";
import { reject, send, tellSettled } from "../outbox/outbox.ts";
import { alignPeers, isRecovered, type Leadership, leadershipOf, peerOf } from "./leadership.ts";
import { rememberedIndex } from "./log-writer.ts";
import { askForPromises, goOnLeading } from "./prepare.ts";
import { canPropose, proposeNext } from "./propose.ts";
import { acceptIndex, isAcceptQuorum, whyQuorumsUnfit } from "./quorums.ts";
import { becomeFollower } from "./role.ts";
import { membership, membershipIndex, type Paxos } from "./self.ts";
import { bestSuccessor } from "./successor.ts";

const noContext = new Uint8Array(0);

type ChangeInput = Extract<Input<never>, { readonly kind: "changeMembership" }>;

export function changeMembership(paxos: Paxos, input: ChangeInput): void {
  const leadership = paxos.leadership;
  const { token } = input;
  if (leadership === undefined) {
    reject(paxos, token, "notLeader");
    return;
  }
  if (paxos.transfer !== undefined) {
    reject(paxos, token, "leadershipTransferInProgress");
    return;
  }
  const current = membership(paxos);
  if (!canPropose(leadership) || !isRecovered(paxos, leadership) || isJoint(current)) {
    reject(paxos, token, "membershipChangeInProgress");
    return;
  }
  const outcome = applyChanges(current, input.changes);
  if (outcome.kind === "invalid") {
    reject(paxos, token, "membershipChangeInvalid");
    return;
  }
  const next = outcome.membership;
  if (whyQuorumsUnfit(paxos.settings.quorums, next) !== "") {
    reject(paxos, token, "membershipChangeInvalid");
    return;
  }
  if (promoted(current, next).some((member) => !hasCaughtUp(leadership, member))) {
    reject(paxos, token, "learnerNotCaughtUp");
    return;
  }
  const payload = encodeMembershipEntry(next, input.context);
  leadership.uncommittedBytes += payload.length;
  const index = proposeNext(paxos, leadership, "membership", payload);
  paxos.outbox.answers.push({ kind: "accepted", token, index, epoch: paxos.promised.round });
}

/** The leader's commit index moved on from `before`. */
export function afterCommit(paxos: Paxos, before: Index): void {
  const leadership = leadershipOf(paxos);
  if (membershipIndex(paxos) > before) enterMembership(paxos, leadership);
  maybeLeaveJoint(paxos);
}

/** Whoever leads when the joint configuration has done its service ends it. */
export function maybeLeaveJoint(paxos: Paxos): void {
  const leadership = leadershipOf(paxos);
  const current = membership(paxos);
  if (paxos.transfer !== undefined || !isJoint(current)) return;
  if (!canPropose(leadership) || !isRecovered(paxos, leadership)) return;
  const next = leaveJoint(current);
  const held = acceptIndex(paxos.settings.quorums, next, (member) =>
    member === paxos.settings.id ? paxos.durableIndex : (peerOf(leadership, member)?.match ?? 0),
  );
  if (held < membershipIndex(paxos)) return;
  const payload = encodeMembershipEntry(next, noContext);
  leadership.uncommittedBytes += payload.length;
  proposeNext(paxos, leadership, "membership", payload);
}

/**
 * A membership governs for those that know it to be chosen. It is settled once a quorum of its voters
 * does, and will after a crash: any that are left of them after the loss of a minority then have one
 * among them that needs nobody else to lead.
 */
export function maybeSettle(paxos: Paxos, leadership: Leadership): void {
  const index = membershipIndex(paxos);
  if (leadership.membershipSettled === index || isJoint(membership(paxos))) return;
  if (isRemembered(paxos, leadership, index)) tellSettled(paxos, leadership, index);
}

/** A leader that is no voter any more leads until a quorum of those that are knows it. */
export function maybeStepAside(paxos: Paxos, isCheck: boolean): void {
  const leadership = leadershipOf(paxos);
  const current = membership(paxos);
  if (isJoint(current) || isVoter(current, paxos.settings.id)) return;
  if (isCheck) leadership.checksUntilAside--;
  maybeSettle(paxos, leadership);
  const isSettled = leadership.membershipSettled === membershipIndex(paxos);
  if (!isSettled && leadership.checksUntilAside > 0) return;
  const successor = bestSuccessor(paxos, leadership);
  if (successor !== undefined) {
    send(paxos, successor.id, { kind: "takeOver", ballot: paxos.promised });
  }
  becomeFollower(paxos, paxos.promised, false);
}

/**
 * A learner votes only once it has all that the leader had an election timeout ago: it can keep up,
 * and the quorum does not have to wait for it.
 */
function hasCaughtUp(leadership: Leadership, member: MemberId): boolean {
  const peer = peerOf(leadership, member);
  if (peer === undefined || peer.state !== "replicate") return false;
  if (!peer.recentlyActive && !leadership.activeBefore.has(member)) return false;
  return peer.match >= leadership.lastSlotAtCheckBefore;
}

/** The slots ahead are governed by it; phase 1 is owed to its voters, too. */
function enterMembership(paxos: Paxos, leadership: Leadership): void {
  const { promised, commitIndex } = paxos;
  if (leadership.barrier !== undefined && commitIndex >= leadership.barrier) {
    leadership.barrier = undefined;
  }
  // Also to those that are no members any more: it is the last that they hear.
  for (const peer of leadership.peers) {
    peer.commitTold = commitIndex;
    send(paxos, peer.id, { kind: "commitNotice", ballot: promised, commitIndex });
  }
  alignPeers(paxos, leadership);
  leadership.heartbeatDue = true;
  goOnLeading(paxos, leadership);
  if (!leadership.isPrepared) askForPromises(paxos);
}

/** A quorum of the voters know, even after a crash, that the slot is chosen. */
function isRemembered(paxos: Paxos, leadership: Leadership, index: Index): boolean {
  const { id, quorums } = paxos.settings;
  return isAcceptQuorum(quorums, membership(paxos), (member) => {
    if (member === id) return rememberedIndex(paxos) >= index;
    return (peerOf(leadership, member)?.commitIndex ?? 0) >= index;
  });
}

function promoted(current: Membership, next: Membership): MemberId[] {
  return next.voters.filter((member) => current.learners.includes(member));
}
