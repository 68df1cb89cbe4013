// What must hold in every state of one member, and between two states of it (Zab §III and Zab1.0, as far
// as one member can see; the simulator checks the rest across members). Run after every step in tests
// and simulation. Between a crash and the restart, compare nothing.

import type { Violation } from "../contract.ts";
import { isMember, whyInvalid } from "../membership/membership.ts";
import type { ZabInspection } from "./inspect.ts";

type Must = (holds: boolean, property: string, detail: string) => void;

export function checkInvariants(inspected: object): Violation[] {
  const state = inspected as ZabInspection;
  const found: Violation[] = [];
  const must: Must = (holds, property, detail) => {
    if (!holds) found.push({ property, detail: `${state.id}: ${detail}` });
  };
  checkHistory(state, must);
  checkEpochs(state, must);
  const { commitIndex, durableIndex, applySentIndex, appliedIndex, baseIndex } = state;
  const lastIndex = baseIndex + state.entries.length;
  must(commitIndex <= lastIndex, "commit-in-log", `commit ${commitIndex} > last ${lastIndex}`);
  must(durableIndex <= lastIndex, "durable-in-log", `durable ${durableIndex} > last ${lastIndex}`);
  if (!state.isInstalling) {
    const limit = Math.min(commitIndex, durableIndex);
    must(applySentIndex <= limit, "apply-committed-durable", `${applySentIndex} > ${limit}`);
    must(appliedIndex <= applySentIndex, "applied-was-sent", `${appliedIndex} > ${applySentIndex}`);
    must(baseIndex <= appliedIndex, "compacted-was-applied", `${baseIndex} > ${appliedIndex}`);
  }
  checkMemberships(state, must);
  checkRole(state, must);
  return found;
}

export function checkDelta(previousInspected: object, nextInspected: object): Violation[] {
  const previous = previousInspected as ZabInspection;
  const next = nextInspected as ZabInspection;
  const found: Violation[] = [];
  const must: Must = (holds, property, detail) => {
    if (!holds) found.push({ property, detail: `${next.id}: ${detail}` });
  };
  const rises = (property: string, before: number, after: number) =>
    must(after >= before, property, `${before} -> ${after}`);
  rises("accepted-epoch-monotonic", previous.acceptedEpoch, next.acceptedEpoch);
  rises("current-epoch-monotonic", previous.currentEpoch, next.currentEpoch);
  rises("durable-epoch-monotonic", previous.durableAcceptedEpoch, next.durableAcceptedEpoch);
  rises("durable-current-monotonic", previous.durableCurrentEpoch, next.durableCurrentEpoch);
  rises("round-monotonic", previous.round, next.round);
  rises("commit-monotonic", previous.commitIndex, next.commitIndex);
  rises("apply-monotonic", previous.applySentIndex, next.applySentIndex);
  rises("base-monotonic", previous.baseIndex, next.baseIndex);
  const sameEpoch = previous.epoch === next.epoch && next.epoch > 0;
  must(
    !sameEpoch || previous.leader === next.leader || next.leader === undefined,
    "one-leader-per-epoch",
    `${previous.leader} -> ${next.leader} in epoch ${next.epoch}`,
  );
  // Primary integrity (§III): what a primary broadcasts comes after all it began with, in its order.
  const stillLeads = previous.role === "leading" && next.role === "leading" && sameEpoch;
  if (stillLeads && next.phase !== "broadcast") {
    const grew =
      next.entries.length + next.baseIndex > previous.entries.length + previous.baseIndex;
    must(!grew, "no-broadcast-before-established", "a transaction was proposed before the quorum");
  }
  const lastIndex = previous.baseIndex + previous.entries.length;
  checkKept(previous, next, stillLeads ? lastIndex : previous.commitIndex, must);
  return found;
}

function checkHistory(state: ZabInspection, must: Must): void {
  let index = state.baseIndex;
  let epoch = state.baseEpoch;
  for (const entry of state.entries) {
    index++;
    must(entry.index === index, "history-gapless", `entry ${entry.index} stands at ${index}`);
    must(entry.epoch >= epoch, "zxids-ascend", `epoch ${entry.epoch} after ${epoch} at ${index}`);
    epoch = entry.epoch;
  }
  const { acceptedEpoch } = state;
  must(epoch <= acceptedEpoch, "history-accepted", `ends in epoch ${epoch} > ${acceptedEpoch}`);
}

function checkEpochs(state: ZabInspection, must: Must): void {
  const { acceptedEpoch, currentEpoch, durableAcceptedEpoch, durableCurrentEpoch } = state;
  must(currentEpoch <= acceptedEpoch, "current-was-accepted", `${currentEpoch} > ${acceptedEpoch}`);
  must(
    durableAcceptedEpoch <= acceptedEpoch && durableCurrentEpoch <= currentEpoch,
    "disk-behind-memory",
    `${durableAcceptedEpoch}, ${durableCurrentEpoch}`,
  );
  must(
    durableCurrentEpoch <= durableAcceptedEpoch,
    "current-was-accepted-on-disk",
    `${durableCurrentEpoch} > ${durableAcceptedEpoch}`,
  );
  if (state.role === "looking") return;
  must(state.epoch <= acceptedEpoch, "epoch-accepted", `${state.epoch} > ${acceptedEpoch}`);
}

/** What was committed, or in a leader's log at all, stands as it stood. */
function checkKept(previous: ZabInspection, next: ZabInspection, upTo: number, must: Must): void {
  const first = Math.max(previous.baseIndex, next.baseIndex) + 1;
  const shift = previous.baseIndex - next.baseIndex;
  for (let index = first; index <= upTo; index++) {
    const place = index - previous.baseIndex - 1;
    const before = previous.entries[place];
    const after = next.entries[place + shift];
    if (before === after) continue;
    const same = before !== undefined && after?.epoch === before.epoch;
    must(same, "no-committed-transaction-truncated", `entry ${index} changed`);
  }
}

function checkMemberships(state: ZabInspection, must: Must): void {
  let index = -1;
  for (const at of state.memberships) {
    must(at.index > index, "memberships-ascend", `${at.index} after ${index}`);
    index = at.index;
    const why = whyInvalid(at.membership);
    must(why === "", "membership-valid", why);
  }
  const first = state.memberships[0];
  must(first !== undefined && first.index <= state.baseIndex, "membership-at-base", "none");
  // The membership in force is the last in the log, and rolled back with it.
  const known = state.memberships.filter((at) => at.index > state.baseIndex).map((at) => at.index);
  const inLog = state.entries.filter((entry) => entry.kind === "membership").map((e) => e.index);
  must(
    known.join() === inLog.join(),
    "memberships-are-the-logs",
    `known at ${known.join()}, in the log at ${inLog.join()}`,
  );
  const uncommitted = inLog.filter((at) => at > state.commitIndex).length;
  // A follower learns of commits later than of proposals.
  if (state.role !== "leading" || state.phase !== "broadcast") return;
  must(uncommitted <= 1, "one-change-at-a-time", `${uncommitted} are not committed`);
}

function checkRole(state: ZabInspection, must: Must): void {
  const { id, role, phase, peers, initialIndex, commitIndex, epoch } = state;
  if (role !== "leading") {
    must(state.leader !== id, "leader-leads", `a ${role} member calls itself leader`);
    must(peers.length === 0, "only-leaders-track", `a ${role} member tracks peers`);
    return;
  }
  must(!state.isInstalling, "history-whole-to-lead", "leads while it installs a snapshot");
  if (phase !== "discovery") {
    must(state.currentEpoch === epoch, "leader-is-current", `${state.currentEpoch}, not ${epoch}`);
  }
  if (phase === "broadcast") {
    const initial = initialIndex ?? 0;
    must(commitIndex >= initial, "initial-history-committed", `${commitIndex} < ${initial}`);
    must(state.uncommittedBytes >= 0, "uncommitted-counted", `${state.uncommittedBytes}`);
  }
  const lastIndex = state.baseIndex + state.entries.length;
  for (const peer of peers) {
    must(peer.match < peer.next, "match-before-next", `${peer.id}: ${peer.match} >= ${peer.next}`);
    must(peer.match <= lastIndex, "match-in-log", `${peer.id}: ${peer.match} > ${lastIndex}`);
    must(
      !peer.isSynchronized || phase !== "discovery",
      "synchronized-after-discovery",
      `${peer.id} acknowledged NEWLEADER before it was sent`,
    );
  }
  const current = state.memberships[state.memberships.length - 1]?.membership;
  if (current === undefined) return;
  const isTracked = (member: string) => member === id || peers.some((peer) => peer.id === member);
  const members = [...current.voters, ...current.votersOutgoing, ...current.learners];
  must(members.every(isTracked), "members-are-fed", `some of ${members.join()} are not`);
  const strangers = peers.filter(
    (peer) => !isMember(current, peer.id) && !current.learnersNext.includes(peer.id),
  );
  must(strangers.length === 0, "strangers-are-not-fed", strangers.map((p) => p.id).join());
}
