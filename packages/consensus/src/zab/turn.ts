// The end of a turn: what all inputs since the last one add up to becomes one list of effects, with
// one log write and one message per follower where one is enough.

import type { Role } from "../contract.ts";
import { acknowledge } from "./append.ts";
import { look } from "./election.ts";
import { sendHeartbeats } from "./heartbeat.ts";
import { takePersist, type ZabEffect } from "./outbox.ts";
import { forwardReads, prepareReads } from "./reads.ts";
import { feedAll } from "./replication.ts";
import { leaderOf, membership, type Zab } from "./self.ts";
import { maybeCompleteTransfer } from "./transfer.ts";

export function endTurn(zab: Zab): ZabEffect[] {
  look(zab);
  if (zab.leadership !== undefined) lead(zab);
  // Handing over may have ended this leadership.
  look(zab);
  if (zab.leadership === undefined) forwardReads(zab);
  acknowledge(zab);
  const effects: ZabEffect[] = [];
  const { outbox } = zab;
  tellRole(zab, effects);
  if (outbox.membershipChanged) {
    outbox.membershipChanged = false;
    effects.push({ kind: "membershipChanged", membership: membership(zab) });
  }
  outbox.answers = moveTo(effects, outbox.answers);
  takePersist(zab, effects);
  outbox.sends = moveTo(effects, outbox.sends);
  outbox.snapshots = moveTo(effects, outbox.snapshots);
  takeApply(zab, effects);
  outbox.readsReady = moveTo(effects, outbox.readsReady);
  return effects;
}

/** As the contract names roles: whoever does not follow and does not serve yet is a candidate. */
export function publicRole(zab: Zab): Role {
  if (zab.leadership?.phase === "broadcast") return "leader";
  if (membership(zab).learners.includes(zab.settings.id)) return "learner";
  return zab.following === undefined ? "candidate" : "follower";
}

function lead(zab: Zab): void {
  const leadership = zab.leadership!;
  for (const token of zab.readsToForward) leadership.readsWaiting.push({ kind: "own", token });
  if (zab.readsToForward.length > 0) zab.readsToForward = [];
  feedAll(zab, leadership);
  maybeCompleteTransfer(zab, leadership);
  if (zab.leadership !== leadership) return;
  const readsNeedRound = prepareReads(zab, leadership);
  if (leadership.heartbeatDue || readsNeedRound) sendHeartbeats(zab, leadership);
}

function tellRole(zab: Zab, effects: ZabEffect[]): void {
  const { roleTold } = zab.outbox;
  const epoch = zab.acceptedEpoch;
  const leader = leaderOf(zab);
  const role = publicRole(zab);
  if (roleTold.role === role && roleTold.epoch === epoch && roleTold.leader === leader) return;
  zab.outbox.roleTold = { role, epoch, leader };
  effects.push({ kind: "roleChanged", role, epoch, leader });
}

/** Committed and on this member's own disk: what a crash brings back is never behind the store. */
function takeApply(zab: Zab, effects: ZabEffect[]): void {
  const upTo = Math.min(zab.commitIndex, zab.durableIndex);
  if (zab.installing !== undefined || upTo <= zab.applySentIndex) return;
  effects.push({ kind: "apply", entries: zab.log.slice(zab.applySentIndex + 1, upTo) });
  zab.applySentIndex = upTo;
}

/** Returns the list to go on with. No spread: a turn may have thousands. */
function moveTo(effects: ZabEffect[], list: ZabEffect[]): ZabEffect[] {
  if (list.length === 0) return list;
  for (const effect of list) effects.push(effect);
  return [];
}
