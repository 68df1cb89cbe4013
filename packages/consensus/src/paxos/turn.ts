// The end of a turn: what all inputs since the last one add up to becomes one list of effects, with
// one log write and one message per follower where one is enough.

import type { Role } from "../contract.ts";
import { sendHeartbeats } from "./heartbeat.ts";
import { type PaxosEffect, takePersist } from "./outbox.ts";
import { forwardReads, prepareReads } from "./reads.ts";
import { replicate } from "./replication.ts";
import { membership, type Paxos } from "./self.ts";
import { maybeSendTakeOver } from "./transfer.ts";

export function endTurn(paxos: Paxos): PaxosEffect[] {
  if (paxos.leadership === undefined) forwardReads(paxos);
  else lead(paxos);
  const effects: PaxosEffect[] = [];
  const { outbox } = paxos;
  tellRole(paxos, effects);
  if (outbox.membershipChanged) {
    outbox.membershipChanged = false;
    effects.push({ kind: "membershipChanged", membership: membership(paxos) });
  }
  outbox.answers = moveTo(effects, outbox.answers);
  takePersist(paxos, effects);
  outbox.sends = moveTo(effects, outbox.sends);
  outbox.snapshots = moveTo(effects, outbox.snapshots);
  takeApply(paxos, effects);
  outbox.readsReady = moveTo(effects, outbox.readsReady);
  return effects;
}

/** As the contract names roles: a canvasser is a candidate, and learners are told apart. */
export function publicRole(paxos: Paxos): Role {
  if (paxos.role === "canvasser") return "candidate";
  if (paxos.role !== "follower") return paxos.role;
  return membership(paxos).learners.includes(paxos.settings.id) ? "learner" : "follower";
}

function lead(paxos: Paxos): void {
  const leadership = paxos.leadership!;
  for (const token of paxos.readsToForward) leadership.readsWaiting.push({ kind: "own", token });
  if (paxos.readsToForward.length > 0) paxos.readsToForward = [];
  // First, because it ends the lease on which reads might be answered.
  maybeSendTakeOver(paxos, leadership);
  replicate(paxos, leadership);
  const readsNeedRound = prepareReads(paxos, leadership);
  if (leadership.heartbeatDue || readsNeedRound) sendHeartbeats(paxos, leadership);
}

function tellRole(paxos: Paxos, effects: PaxosEffect[]): void {
  const { roleTold } = paxos.outbox;
  const { leader } = paxos;
  const epoch = paxos.promised.round;
  const role = publicRole(paxos);
  if (roleTold.role === role && roleTold.epoch === epoch && roleTold.leader === leader) return;
  paxos.outbox.roleTold = { role, epoch, leader };
  effects.push({ kind: "roleChanged", role, epoch, leader });
}

/** Chosen and on this member's own disk: what a crash brings back is never behind the store. */
function takeApply(paxos: Paxos, effects: PaxosEffect[]): void {
  const { outbox, durableSequence } = paxos;
  let upTo = Math.min(paxos.commitIndex, paxos.durableIndex);
  if (outbox.membershipHeld !== undefined) {
    if (durableSequence >= outbox.membershipSequence) outbox.membershipHeld = undefined;
    else upTo = Math.min(upTo, outbox.membershipHeld - 1);
  }
  if (paxos.installing !== undefined || upTo <= paxos.applySentIndex) return;
  effects.push({ kind: "apply", entries: paxos.log.slice(paxos.applySentIndex + 1, upTo) });
  paxos.applySentIndex = upTo;
}

/** Returns the list to go on with. No spread: a turn may have thousands. */
function moveTo(effects: PaxosEffect[], list: PaxosEffect[]): PaxosEffect[] {
  if (list.length === 0) return list;
  for (const effect of list) effects.push(effect);
  return [];
}
