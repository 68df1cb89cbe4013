// The end of a turn: what all inputs since the last one add up to becomes one list of effects, with
// one log write and one message per follower where one is enough.

import type { Index, Role } from "../contract.ts";
import { handOut, type View } from "../outbox/hand-out.ts";
import type { PaxosState } from "./durable-state.ts";
import { sendHeartbeats } from "./heartbeat.ts";
import { rememberedIndex } from "./log-writer.ts";
import { maybeSettle } from "./membership-change.ts";
import type { PaxosMessage } from "./messages.ts";
import { type PaxosEffect, takePersist } from "./outbox.ts";
import { forwardReads, prepareReads } from "./reads.ts";
import { replicate } from "./replication.ts";
import { membership, type Paxos } from "./self.ts";
import { maybeSendTakeOver } from "./transfer.ts";

const view: View<Paxos, PaxosMessage, PaxosState> = {
  role: publicRole,
  epoch: (paxos) => paxos.promised.round,
  leader: (paxos) => paxos.leader,
  membership,
  takePersist,
  applicableIndex,
};

export function endTurn(paxos: Paxos): PaxosEffect[] {
  if (paxos.leadership === undefined) forwardReads(paxos);
  else lead(paxos);
  return handOut(paxos, view);
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
  maybeSettle(paxos, leadership);
  replicate(paxos, leadership);
  const readsNeedRound = prepareReads(paxos, leadership);
  if (leadership.heartbeatDue || readsNeedRound) sendHeartbeats(paxos, leadership);
}

/** Chosen and on this member's own disk: what a crash brings back is never behind the store. */
function applicableIndex(paxos: Paxos): Index {
  const chosen = rememberedIndex(paxos);
  return Math.min(chosen, paxos.durableIndex);
}
