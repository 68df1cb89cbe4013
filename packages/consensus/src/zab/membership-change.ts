// Changes of the membership through the log: a joint configuration, which the leader leaves by itself
// once it is committed. One change at a time. Joint, because Zab's proof needs every quorum that could
// establish a leader to meet every quorum that could have committed before it, and the discovery of a
// member that does not know of the change counts by the old configuration alone. (ZooKeeper's own
// reconfiguration, Shraer et al. 2012, asks the same of both quorums for the one operation.)

import type { Input, MemberId, Membership } from "../contract.ts";
import { encodeMembershipEntry } from "../membership/codec.ts";
import { applyChanges, isJoint, isVoter, leaveJoint } from "../membership/membership.ts";
import { tellSettled } from "../outbox/outbox.ts";
import { type Leadership, leadershipOf, peerOf } from "./leadership.ts";
import { appendOwn } from "./log-writer.ts";
import { reject } from "./outbox.ts";
import { feedAll } from "./replication.ts";
import { becomeLooking } from "./role.ts";
import { membership, membershipIndex, type Zab } from "./self.ts";
import { bestSuccessor } from "./successor.ts";
import { handOver } from "./transfer.ts";

const noContext = new Uint8Array(0);

type ChangeInput = Extract<Input<never>, { readonly kind: "changeMembership" }>;

export function changeMembership(zab: Zab, input: ChangeInput): void {
  const leadership = zab.leadership;
  const { token } = input;
  if (leadership?.phase !== "broadcast") {
    reject(zab, token, "notLeader");
    return;
  }
  if (zab.transfer !== undefined) {
    reject(zab, token, "leadershipTransferInProgress");
    return;
  }
  const current = membership(zab);
  const isUnderWay = membershipIndex(zab) > zab.commitIndex || isJoint(current);
  if (isUnderWay) {
    reject(zab, token, "membershipChangeInProgress");
    return;
  }
  const outcome = applyChanges(current, input.changes);
  if (outcome.kind === "invalid") {
    reject(zab, token, "membershipChangeInvalid");
    return;
  }
  const next = outcome.membership;
  if (promoted(current, next).some((member) => !hasCaughtUp(leadership, member))) {
    reject(zab, token, "learnerNotCaughtUp");
    return;
  }
  const payload = encodeMembershipEntry(next, input.context);
  const { index, epoch } = appendOwn(zab, "membership", payload);
  zab.outbox.answers.push({ kind: "accepted", token, index, epoch });
}

/** The leader's commit index moved. */
export function afterCommit(zab: Zab): void {
  maybeLeaveJoint(zab);
  if (membershipIndex(zab) > zab.commitIndex || isJoint(membership(zab))) return;
  // A quorum of its voters holds it, and whoever holds it counts by it: the others are not needed.
  tellSettled(zab, leadershipOf(zab), membershipIndex(zab));
  if (!isVoter(membership(zab), zab.settings.id)) stepAside(zab);
}

/**
 * Whoever leads when the joint configuration is committed ends it, also a leader that found it in
 * its log (corpus: never-leaves-joint); never before (corpus: recovered-joint-left-uncommitted).
 */
export function maybeLeaveJoint(zab: Zab): void {
  const leadership = leadershipOf(zab);
  if (zab.transfer !== undefined || leadership.phase !== "broadcast") return;
  if (!isJoint(membership(zab)) || membershipIndex(zab) > zab.commitIndex) return;
  appendOwn(zab, "membership", encodeMembershipEntry(leaveJoint(membership(zab)), noContext));
}

/**
 * An observer votes only once it has all that the leader had an election timeout ago: it can keep up,
 * and the quorum does not have to wait for it.
 */
function hasCaughtUp(leadership: Leadership, member: MemberId): boolean {
  const peer = peerOf(leadership, member);
  if (peer === undefined || !peer.upToDateSent) return false;
  if (!peer.progress.recentlyActive && !leadership.activeBefore.has(member)) return false;
  return peer.progress.match >= leadership.lastIndexAtCheckBefore;
}

/** A leader that is no longer a voter leads until that is committed, and not longer. */
function stepAside(zab: Zab): void {
  const leadership = leadershipOf(zab);
  const successor = bestSuccessor(zab, leadership);
  if (successor?.progress.match === zab.log.lastIndex) {
    handOver(zab, leadership, successor, false);
    return;
  }
  feedAll(zab, leadership);
  becomeLooking(zab);
}

function promoted(current: Membership, next: Membership): MemberId[] {
  return next.voters.filter((member) => current.learners.includes(member));
}
