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
import type { ZabState } from "./durable-state.ts";
import type { ZabMessage } from "./messages.ts";
import { leaderOf, type Zab } from "./self.ts";

export type ZabEffect = Effect<ZabMessage, ZabState>;

export interface Outbox {
  /** Answers to the caller: accepted, rejected, transferred. */
  answers: ZabEffect[];
  sends: ZabEffect[];
  afterDisk: Outgoing<ZabMessage>[];
  readsReady: ZabEffect[];
  snapshots: ZabEffect[];
  /** An epoch changed since the last persist effect. */
  stateChanged: boolean;
  membershipChanged: boolean;
  /** The first entry that no persist effect has carried yet. */
  unwrittenFrom: Index;
  truncateFrom: Index | undefined;
  sequence: number;
  /** Writes under way; `lastIndex` is lowered when their entries are replaced or dropped. */
  writes: Write[];
  commitWritten: Index;
  roleTold: { role: Role; epoch: Epoch; leader: MemberId | undefined };
}

interface Write {
  readonly sequence: number;
  lastIndex: Index;
  readonly acceptedEpoch: Epoch;
  readonly currentEpoch: Epoch;
}

export function createOutbox(epoch: Epoch, lastIndex: Index, commitIndex: Index): Outbox {
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
    roleTold: { role: "follower", epoch, leader: undefined },
  };
}

export function send(zab: Zab, to: MemberId, message: ZabMessage): void {
  zab.outbox.sends.push({ kind: "send", to, message });
}

/** Leaves once everything decided so far is on disk. */
export function sendAfterDisk(zab: Zab, to: MemberId, message: ZabMessage): void {
  zab.outbox.afterDisk.push({ to, message });
}

export function reject(zab: Zab, token: Token, reason: RejectReason): void {
  const leader = leaderOf(zab);
  const leaderHint = leader === zab.settings.id ? undefined : leader;
  zab.outbox.answers.push({ kind: "rejected", token, reason, leaderHint });
}

export function install(zab: Zab, from: MemberId, point: LogPoint): void {
  zab.outbox.snapshots.push({ kind: "installSnapshot", from, point });
}

/** Entries at or after `index` are no longer what was, or is being, written. */
export function forgetWrites(zab: Zab, index: Index): void {
  const outbox = zab.outbox;
  for (const write of outbox.writes) write.lastIndex = Math.min(write.lastIndex, index - 1);
  zab.durableIndex = Math.min(zab.durableIndex, index - 1);
  if (index >= outbox.unwrittenFrom) return;
  outbox.unwrittenFrom = index;
  outbox.truncateFrom = Math.min(outbox.truncateFrom ?? index, index);
}

/** The log begins anew at a snapshot: nothing that was being written counts any more. */
export function forgetLog(zab: Zab, baseIndex: Index): void {
  const outbox = zab.outbox;
  for (const write of outbox.writes) write.lastIndex = 0;
  zab.durableIndex = 0;
  outbox.unwrittenFrom = baseIndex + 1;
  outbox.truncateFrom = undefined;
}

/** Writes up to `sequence` are on disk. */
export function writesDone(zab: Zab, sequence: number): void {
  const writes = zab.outbox.writes;
  let done = 0;
  while (done < writes.length && writes[done]!.sequence <= sequence) {
    const { lastIndex, acceptedEpoch, currentEpoch } = writes[done]!;
    zab.durableIndex = Math.max(zab.durableIndex, lastIndex);
    zab.durableAcceptedEpoch = acceptedEpoch;
    zab.durableCurrentEpoch = currentEpoch;
    done++;
  }
  if (done > 0) writes.splice(0, done);
}

/** At most one persist effect; messages that wait for nothing become plain sends. */
export function takePersist(zab: Zab, effects: ZabEffect[]): void {
  const outbox = zab.outbox;
  const { log } = zab;
  const hasEntries = outbox.unwrittenFrom <= log.lastIndex;
  const mustWrite = hasEntries || outbox.stateChanged || outbox.truncateFrom !== undefined;
  const thenSend = outbox.afterDisk;
  if (!mustWrite && (thenSend.length === 0 || outbox.writes.length === 0)) {
    for (const { to, message } of thenSend) effects.push({ kind: "send", to, message });
    if (thenSend.length > 0) outbox.afterDisk = [];
    return;
  }
  const sequence = ++outbox.sequence;
  const commit = zab.commitIndex;
  const { acceptedEpoch, currentEpoch } = zab;
  const withState = outbox.stateChanged || (mustWrite && commit !== outbox.commitWritten);
  if (withState) outbox.commitWritten = commit;
  effects.push({
    kind: "persist",
    sequence,
    ...(withState && { state: { acceptedEpoch, currentEpoch, commit } }),
    ...(outbox.truncateFrom !== undefined && { truncateFrom: outbox.truncateFrom }),
    entries: hasEntries ? log.slice(outbox.unwrittenFrom, log.lastIndex) : [],
    thenSend,
  });
  // While a snapshot is put in place the log stands on something that is not durable yet.
  const lastIndex = zab.installing === undefined ? log.lastIndex : 0;
  outbox.writes.push({ sequence, lastIndex, acceptedEpoch, currentEpoch });
  outbox.stateChanged = false;
  outbox.unwrittenFrom = log.lastIndex + 1;
  outbox.truncateFrom = undefined;
  outbox.afterDisk = [];
}
