// What a member has decided to do since it was last asked. It upholds the order of disk and wire:
// whatever must not leave before it is durable waits in `afterDisk`, and an entry counts as durable
// only once the write that carried it, and not an older version of it, was reported back.

import type {
  Effect,
  Epoch,
  Index,
  LogPoint,
  MemberId,
  Outgoing,
  RejectReason,
  Role,
  Token,
} from "../contract.ts";
import type { RaftState } from "./durable-state.ts";
import type { RaftMessage } from "./messages.ts";
import type { Raft } from "./self.ts";

export type RaftEffect = Effect<RaftMessage, RaftState>;

export interface Outbox {
  /** Answers to the caller: accepted, rejected, transferred. */
  answers: RaftEffect[];
  sends: RaftEffect[];
  afterDisk: Outgoing<RaftMessage>[];
  readsReady: RaftEffect[];
  snapshots: RaftEffect[];
  /** Term or vote changed since the last persist effect. */
  stateChanged: boolean;
  membershipChanged: boolean;
  /** The first entry that no persist effect has carried yet. */
  unwrittenFrom: Index;
  truncateFrom: Index | undefined;
  sequence: number;
  /** Writes under way; `lastIndex` is lowered when their entries are replaced or dropped. */
  writes: { readonly sequence: number; lastIndex: Index }[];
  commitWritten: Index;
  roleTold: { role: Role; term: Epoch; leader: MemberId | undefined };
}

export function createOutbox(term: Epoch, lastIndex: Index, commitIndex: Index): Outbox {
  return {
    answers: [],
    sends: [],
    afterDisk: [],
    readsReady: [],
    snapshots: [],
    stateChanged: false,
    membershipChanged: false,
    unwrittenFrom: lastIndex + 1,
    truncateFrom: undefined,
    sequence: 0,
    writes: [],
    commitWritten: commitIndex,
    roleTold: { role: "follower", term, leader: undefined },
  };
}

export function send(raft: Raft, to: MemberId, message: RaftMessage): void {
  raft.outbox.sends.push({ kind: "send", to, message });
}

/** Leaves once everything decided so far is on disk. */
export function sendAfterDisk(raft: Raft, to: MemberId, message: RaftMessage): void {
  raft.outbox.afterDisk.push({ to, message });
}

export function reject(raft: Raft, token: Token, reason: RejectReason): void {
  const leaderHint = raft.leader === raft.settings.id ? undefined : raft.leader;
  raft.outbox.answers.push({ kind: "rejected", token, reason, leaderHint });
}

export function install(raft: Raft, from: MemberId, point: LogPoint): void {
  raft.outbox.snapshots.push({ kind: "installSnapshot", from, point });
}

/** Entries at or after `index` are no longer what was, or is being, written. */
export function forgetWrites(raft: Raft, index: Index): void {
  const outbox = raft.outbox;
  for (const write of outbox.writes) write.lastIndex = Math.min(write.lastIndex, index - 1);
  raft.durableIndex = Math.min(raft.durableIndex, index - 1);
  if (index >= outbox.unwrittenFrom) return;
  outbox.unwrittenFrom = index;
  outbox.truncateFrom = Math.min(outbox.truncateFrom ?? index, index);
}

/** Acknowledgements of an older term may name entries that the next write no longer carries. */
export function dropAcknowledgements(raft: Raft): void {
  const outbox = raft.outbox;
  if (outbox.afterDisk.length === 0) return;
  outbox.afterDisk = outbox.afterDisk.filter(({ message }) => message.kind !== "appendResponse");
}

/** The log begins anew at a snapshot: nothing that was being written counts any more. */
export function forgetLog(raft: Raft, baseIndex: Index): void {
  const outbox = raft.outbox;
  for (const write of outbox.writes) write.lastIndex = 0;
  raft.durableIndex = 0;
  outbox.unwrittenFrom = baseIndex + 1;
  outbox.truncateFrom = undefined;
}

/** Writes up to `sequence` are on disk. */
export function writesDone(raft: Raft, sequence: number): void {
  const writes = raft.outbox.writes;
  let done = 0;
  while (done < writes.length && writes[done]!.sequence <= sequence) {
    raft.durableIndex = Math.max(raft.durableIndex, writes[done]!.lastIndex);
    done++;
  }
  if (done > 0) writes.splice(0, done);
}

/** At most one persist effect; messages that wait for nothing become plain sends. */
export function takePersist(raft: Raft, effects: RaftEffect[]): void {
  const outbox = raft.outbox;
  const { log } = raft;
  const hasEntries = outbox.unwrittenFrom <= log.lastIndex;
  const mustWrite = hasEntries || outbox.stateChanged || outbox.truncateFrom !== undefined;
  const thenSend = outbox.afterDisk;
  if (!mustWrite && (thenSend.length === 0 || outbox.writes.length === 0)) {
    for (const { to, message } of thenSend) effects.push({ kind: "send", to, message });
    if (thenSend.length > 0) outbox.afterDisk = [];
    return;
  }
  const sequence = ++outbox.sequence;
  const commit = raft.commitIndex;
  const withState = outbox.stateChanged || (mustWrite && commit !== outbox.commitWritten);
  if (withState) outbox.commitWritten = commit;
  effects.push({
    kind: "persist",
    sequence,
    ...(withState && { state: { term: raft.term, vote: raft.vote, commit } }),
    ...(outbox.truncateFrom !== undefined && { truncateFrom: outbox.truncateFrom }),
    entries: hasEntries ? log.slice(outbox.unwrittenFrom, log.lastIndex) : [],
    thenSend,
  });
  // While a snapshot is put in place the log stands on something that is not durable yet.
  outbox.writes.push({ sequence, lastIndex: raft.installing === undefined ? log.lastIndex : 0 });
  if (outbox.stateChanged && raft.role === "candidate") raft.ownVoteSequence ??= sequence;
  outbox.stateChanged = false;
  outbox.unwrittenFrom = log.lastIndex + 1;
  outbox.truncateFrom = undefined;
  outbox.afterDisk = [];
}
