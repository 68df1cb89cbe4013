// What must hold in every state of one member, and between two states of it (Zab §III and Zab1.0, as far
// as one member can see; the simulator checks the rest across members). Run after every step in tests
// and simulation. Between a crash and the restart, compare nothing.

import type { Index, Violation } from "../contract.ts";
import { checkNotInPlace, checkStandsStill } from "../installing/installing.ts";
import {
  checkKept,
  checkLog,
  checkMarks,
  checkMarksRise,
  checkMemberships,
  checkMembershipsOfLog,
  checkPeers,
  gather,
  type Must,
} from "../invariants/invariants.ts";
import type { ZabInspection } from "./inspect.ts";

export function checkInvariants(inspected: object): Violation[] {
  const state = inspected as ZabInspection;
  return gather(state.id, (must) => {
    checkLog(state, { atBase: state.baseEpoch, known: state.acceptedEpoch }, must);
    checkEpochs(state, must);
    checkMarks(state, must);
    checkNotInPlace(state, must);
    checkMemberships(state, must);
    const uncommitted = checkMembershipsOfLog(state, must);
    // A follower learns of commits later than of proposals.
    const knows = state.role === "leading" && state.phase === "broadcast";
    must(!knows || uncommitted <= 1, "one-change-at-a-time", `${uncommitted} are not committed`);
    checkRole(state, must);
  });
}

export function checkDelta(previousInspected: object, nextInspected: object): Violation[] {
  const previous = previousInspected as ZabInspection;
  const next = nextInspected as ZabInspection;
  return gather(next.id, (must) => {
    const rises = (property: string, before: number, after: number) =>
      must(after >= before, property, `${before} -> ${after}`);
    rises("accepted-epoch-monotonic", previous.acceptedEpoch, next.acceptedEpoch);
    rises("current-epoch-monotonic", previous.currentEpoch, next.currentEpoch);
    rises("durable-epoch-monotonic", previous.durableAcceptedEpoch, next.durableAcceptedEpoch);
    rises("durable-current-monotonic", previous.durableCurrentEpoch, next.durableCurrentEpoch);
    rises("round-monotonic", previous.round, next.round);
    checkMarksRise(previous, next, must);
    checkStandsStill(previous, next, must);
    const sameEpoch = previous.epoch === next.epoch && next.epoch > 0;
    must(
      !sameEpoch || previous.leader === next.leader || next.leader === undefined,
      "one-leader-per-epoch",
      `${previous.leader} -> ${next.leader} in epoch ${next.epoch}`,
    );
    // Primary integrity (§III): what a primary broadcasts comes after all it began with, in its order.
    const stillLeads = previous.role === "leading" && next.role === "leading" && sameEpoch;
    const grew = lastIndexOf(next) > lastIndexOf(previous);
    must(
      !stillLeads || next.phase === "broadcast" || !grew,
      "no-broadcast-before-established",
      "a transaction was proposed before the quorum",
    );
    checkKept(previous, next, stillLeads ? lastIndexOf(previous) : previous.commitIndex, must);
  });
}

function lastIndexOf({ baseIndex, entries }: ZabInspection): Index {
  return baseIndex + entries.length;
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

function checkRole(state: ZabInspection, must: Must): void {
  const { id, role, phase, peers, initialIndex, commitIndex, epoch } = state;
  if (role !== "leading") {
    must(state.leader !== id, "leader-leads", `a ${role} member calls itself leader`);
    must(peers.length === 0, "only-leaders-track", `a ${role} member tracks peers`);
    return;
  }
  const isWhole = state.installingAt === undefined;
  must(isWhole, "history-whole-to-lead", "leads while it installs a snapshot");
  if (phase !== "discovery") {
    must(state.currentEpoch === epoch, "leader-is-current", `${state.currentEpoch}, not ${epoch}`);
  }
  if (phase === "broadcast") {
    const initial = initialIndex ?? 0;
    must(commitIndex >= initial, "initial-history-committed", `${commitIndex} < ${initial}`);
    must(state.uncommittedBytes >= 0, "uncommitted-counted", `${state.uncommittedBytes}`);
  }
  for (const peer of peers) {
    must(
      !peer.isSynchronized || phase !== "discovery",
      "synchronized-after-discovery",
      `${peer.id} acknowledged NEWLEADER before it was sent`,
    );
  }
  const current = state.memberships[state.memberships.length - 1]?.membership;
  checkPeers(id, peers, { lastIndex: lastIndexOf(state), membership: current }, must);
}
