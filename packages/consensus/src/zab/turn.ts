// The end of a turn: what all inputs since the last one add up to becomes one list of effects, with
// one log write and one message per follower where one is enough.

import type { Index, Role } from "../contract.ts";
import { handOut, type View } from "../outbox/hand-out.ts";
import { acknowledge } from "./append.ts";
import type { ZabState } from "./durable-state.ts";
import { look } from "./election.ts";
import { sendHeartbeats } from "./heartbeat.ts";
import type { ZabMessage } from "./messages.ts";
import { takePersist, type ZabEffect } from "./outbox.ts";
import { forwardReads, prepareReads } from "./reads.ts";
import { feedAll } from "./replication.ts";
import { leaderOf, membership, type Zab } from "./self.ts";
import { maybeCompleteTransfer } from "./transfer.ts";

const view: View<Zab, ZabMessage, ZabState> = {
  role: publicRole,
  epoch: (zab) => zab.acceptedEpoch,
  leader: leaderOf,
  membership,
  takePersist,
  applicableIndex,
};

export function endTurn(zab: Zab): ZabEffect[] {
  look(zab);
  if (zab.leadership !== undefined) lead(zab);
  // Handing over may have ended this leadership.
  look(zab);
  if (zab.leadership === undefined) forwardReads(zab);
  acknowledge(zab);
  return handOut(zab, view);
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

/** Committed and on this member's own disk: what a crash brings back is never behind the store. */
function applicableIndex(zab: Zab): Index {
  return Math.min(zab.commitIndex, zab.durableIndex);
}
