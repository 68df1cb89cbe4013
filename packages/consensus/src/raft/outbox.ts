// Raft's outbox: which messages and writes of a turn go with what must not be forgotten. What it is
// beyond that is the same for every protocol with a gapless log (outbox/).

import type { Effect } from "../contract.ts";
import { type LogOutbox, takePersist as takeWrite } from "../outbox/log-writes.ts";
import type { RaftState } from "./durable-state.ts";
import type { RaftMessage } from "./messages.ts";
import type { Raft } from "./self.ts";

export type RaftEffect = Effect<RaftMessage, RaftState>;
export type Outbox = LogOutbox<RaftMessage, RaftState>;

/** Acknowledgements of an older term may name entries that the next write no longer carries. */
export function dropAcknowledgements({ outbox }: Raft): void {
  if (outbox.afterDisk.length === 0) return;
  outbox.afterDisk = outbox.afterDisk.filter(({ message }) => message.kind !== "appendResponse");
}

export function takePersist(raft: Raft, effects: RaftEffect[]): void {
  const { term, vote, commitIndex, role, outbox } = raft;
  const hasNewState = outbox.stateChanged;
  const sequence = takeWrite(raft, effects, { term, vote, commit: commitIndex });
  if (hasNewState && role === "candidate") raft.ownVoteSequence ??= sequence;
}
