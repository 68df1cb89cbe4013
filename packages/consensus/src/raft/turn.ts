// The end of a turn: what all inputs since the last one add up to becomes one list of effects, with
// one log write and one message per follower where one is enough.

import type { Index, Role } from "../contract.ts";
import { handOut, type View } from "../outbox/hand-out.ts";
import type { RaftState } from "./durable-state.ts";
import { sendHeartbeats } from "./heartbeat.ts";
import type { RaftMessage } from "./messages.ts";
import { type RaftEffect, takePersist } from "./outbox.ts";
import { forwardReads, prepareReads } from "./reads.ts";
import { replicate } from "./replication.ts";
import { membership, type Raft } from "./self.ts";
import { maybeSendTimeoutNow } from "./transfer.ts";

const view: View<Raft, RaftMessage, RaftState> = {
  role: publicRole,
  epoch: (raft) => raft.term,
  leader: (raft) => raft.leader,
  membership,
  takePersist,
  applicableIndex,
};

export function endTurn(raft: Raft): RaftEffect[] {
  if (raft.leadership === undefined) forwardReads(raft);
  else lead(raft);
  return handOut(raft, view);
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

/** Committed and on this member's own disk: what a crash brings back is never behind the store. */
function applicableIndex(raft: Raft): Index {
  return Math.min(raft.commitIndex, raft.durableIndex);
}
