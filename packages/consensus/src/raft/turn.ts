// The end of a turn: what all inputs since the last one add up to becomes one list of effects, with
// one log write and one message per follower where one is enough.

import type { Role } from "../contract.ts";
import { sendHeartbeats } from "./heartbeat.ts";
import { type RaftEffect, takePersist } from "./outbox.ts";
import { forwardReads, prepareReads } from "./reads.ts";
import { replicate } from "./replication.ts";
import { membership, type Raft } from "./self.ts";
import { maybeSendTimeoutNow } from "./transfer.ts";

export function endTurn(raft: Raft): RaftEffect[] {
  if (raft.leadership === undefined) forwardReads(raft);
  else lead(raft);
  const effects: RaftEffect[] = [];
  const { outbox } = raft;
  tellRole(raft, effects);
  if (outbox.membershipChanged) {
    outbox.membershipChanged = false;
    effects.push({ kind: "membershipChanged", membership: membership(raft) });
  }
  outbox.answers = moveTo(effects, outbox.answers);
  takePersist(raft, effects);
  outbox.sends = moveTo(effects, outbox.sends);
  outbox.snapshots = moveTo(effects, outbox.snapshots);
  takeApply(raft, effects);
  outbox.readsReady = moveTo(effects, outbox.readsReady);
  return effects;
}

/** As the contract names roles: a pre-candidate is a candidate, and learners are told apart. */
export function publicRole(raft: Raft): Role {
  if (raft.role === "preCandidate") return "candidate";
  if (raft.role !== "follower") return raft.role;
  return membership(raft).learners.includes(raft.settings.id) ? "learner" : "follower";
}

function lead(raft: Raft): void {
  const leadership = raft.leadership!;
  for (const token of raft.readsToForward) leadership.readsWaiting.push({ kind: "own", token });
  if (raft.readsToForward.length > 0) raft.readsToForward = [];
  // First, because it ends the lease on which reads might be answered.
  maybeSendTimeoutNow(raft, leadership);
  replicate(raft, leadership);
  const readsNeedRound = prepareReads(raft, leadership);
  if (leadership.heartbeatDue || readsNeedRound) sendHeartbeats(raft, leadership);
}

function tellRole(raft: Raft, effects: RaftEffect[]): void {
  const { roleTold } = raft.outbox;
  const { term, leader } = raft;
  const role = publicRole(raft);
  if (roleTold.role === role && roleTold.term === term && roleTold.leader === leader) return;
  raft.outbox.roleTold = { role, term, leader };
  effects.push({ kind: "roleChanged", role, epoch: term, leader });
}

/** Committed and on this member's own disk: what a crash brings back is never behind the store. */
function takeApply(raft: Raft, effects: RaftEffect[]): void {
  const upTo = Math.min(raft.commitIndex, raft.durableIndex);
  if (raft.installing !== undefined || upTo <= raft.applySentIndex) return;
  effects.push({ kind: "apply", entries: raft.log.slice(raft.applySentIndex + 1, upTo) });
  raft.applySentIndex = upTo;
}

/** Returns the list to go on with. No spread: a turn may have thousands. */
function moveTo(effects: RaftEffect[], list: RaftEffect[]): RaftEffect[] {
  if (list.length === 0) return list;
  for (const effect of list) effects.push(effect);
  return [];
}
