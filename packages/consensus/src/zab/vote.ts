// Which of two candidates is the better one: the later epoch taken over, then the later zxid, then what
// people prefer, then the id. The first two are what makes a leader fit to lead (ZooKeeper's
// FastLeaderElection, totalOrderPredicate); the rest only makes all agree on one.

import type { Epoch, Index, MemberId } from "../contract.ts";
import { isVoter } from "../membership/membership.ts";
import { isQuorum } from "../quorum/quorum.ts";
import type { Looking } from "./looking.ts";
import type { Vote } from "./messages.ts";
import { membership, membershipIndex, type Zab } from "./self.ts";

export interface History {
  readonly currentEpoch: Epoch;
  readonly lastEpoch: Epoch;
  readonly lastIndex: Index;
}

export function historyOf(zab: Zab): History {
  const { lastEpoch, lastIndex } = zab.log;
  return { currentEpoch: zab.currentEpoch, lastEpoch, lastIndex };
}

/** Negative, zero or positive. A zxid is compared by epoch first. */
export function compareHistories(one: History, other: History): number {
  if (one.currentEpoch !== other.currentEpoch) return one.currentEpoch - other.currentEpoch;
  if (one.lastEpoch !== other.lastEpoch) return one.lastEpoch - other.lastEpoch;
  return one.lastIndex - other.lastIndex;
}

export function isBetterVote(one: Vote, other: Vote | undefined): boolean {
  if (other === undefined) return true;
  const byHistory = compareHistories(one, other);
  if (byHistory !== 0) return byHistory > 0;
  if (one.isPreferred !== other.isPreferred) return one.isPreferred;
  if (one.priority !== other.priority) return one.priority > other.priority;
  return one.leader > other.leader;
}

export function isSameVote(one: Vote | undefined, other: Vote): boolean {
  return (
    one !== undefined &&
    one.leader === other.leader &&
    one.isPreferred === other.isPreferred &&
    compareHistories(one, other) === 0
  );
}

/** Whom a member that looks has heard lately: itself, and whoever repeats its vote in time. */
export function hearsLately(zab: Zab, looking: Looking): (member: MemberId) => boolean {
  const { id, electionTicks } = zab.settings;
  // A vote is repeated after an election timeout at the latest; one may be lost.
  const since = looking.ticks - 2 * electionTicks;
  return (member) => member === id || (looking.heard.get(member) ?? -1) >= Math.max(0, since);
}

/**
 * It has looked for long enough, and does not hear as many as would have to follow it. It cannot lead;
 * one that is better connected may, if it is not in its way.
 */
export function isCutOff(zab: Zab, looking: Looking): boolean {
  if (looking.ticks < zab.settings.electionTicks) return false;
  return !isQuorum(membership(zab), hearsLately(zab, looking));
}

/** This member's vote for itself; undefined when it does not offer itself. */
export function ownVote(zab: Zab, isPreferred: boolean): Vote | undefined {
  const { id, priority } = zab.settings;
  if (!isPromotable(zab)) return undefined;
  if (!isPreferred && zab.looking !== undefined && isCutOff(zab, zab.looking)) return undefined;
  if (!isPreferred && (priority === 0 || zab.abstainTicks > 0)) return undefined;
  return { leader: id, ...historyOf(zab), isPreferred, priority };
}

/**
 * Voters that are fit to lead and not in the midst of replacing their log. Also one that the last membership leaves
 * out, for as long as that is not committed: it may be the only one whose history is long enough.
 */
export function isPromotable(zab: Zab): boolean {
  const { id } = zab.settings;
  if (zab.installing !== undefined || !zab.isFit) return false;
  if (isVoter(membership(zab), id)) return true;
  const before = zab.memberships[zab.memberships.length - 2];
  if (before === undefined || membershipIndex(zab) <= zab.commitIndex) return false;
  return isVoter(before.membership, id);
}
