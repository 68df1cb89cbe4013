// Which part of a gapless log is on its way to the disk. An entry counts as durable only once the write
// that carried it, and not an older version of it, was reported back.

import type { Effect, Index } from "../contract.ts";
import type { Entries } from "../entries/entries.ts";
import { createOutbox, noteState, type Outbox } from "./outbox.ts";

export interface LogOutbox<Message, State> extends Outbox<Message, State> {
  /** The first entry that no persist effect has carried yet. */
  unwrittenFrom: Index;
  truncateFrom: Index | undefined;
  /** Under way, oldest first. */
  writes: Write<State>[];
}

interface Write<State> {
  readonly sequence: number;
  /** Lowered when its entries are replaced or dropped. */
  lastIndex: Index;
  /** As it is once this write is on disk. */
  readonly state: State;
}

/** A core's state, as far as writing its log goes. */
interface Writer<Message, State> {
  readonly outbox: LogOutbox<Message, State>;
  readonly log: Entries;
  readonly commitIndex: Index;
  durableIndex: Index;
}

export function createLogOutbox<Message, State>(
  epoch: number,
  lastIndex: Index,
  commitIndex: Index,
  hasState: boolean,
): LogOutbox<Message, State> {
  const outbox = createOutbox<Message, State>(epoch, commitIndex, hasState);
  return { ...outbox, unwrittenFrom: lastIndex + 1, truncateFrom: undefined, writes: [] };
}

/** Entries at or after `index` are no longer what was, or is being, written. */
export function forgetWrites<Message, State>(self: Writer<Message, State>, index: Index): void {
  const { outbox } = self;
  for (const write of outbox.writes) write.lastIndex = Math.min(write.lastIndex, index - 1);
  self.durableIndex = Math.min(self.durableIndex, index - 1);
  if (index >= outbox.unwrittenFrom) return;
  outbox.unwrittenFrom = index;
  outbox.truncateFrom = Math.min(outbox.truncateFrom ?? index, index);
}

/** The log begins anew at a snapshot: nothing that was being written counts any more. */
export function forgetLog<Message, State>(self: Writer<Message, State>, baseIndex: Index): void {
  const { outbox } = self;
  for (const write of outbox.writes) write.lastIndex = 0;
  self.durableIndex = 0;
  outbox.unwrittenFrom = baseIndex + 1;
  outbox.truncateFrom = undefined;
}

/** Writes up to `sequence` are on disk: returns the state as it is there now, if any was written. */
export function writesDone<Message, State>(
  self: Writer<Message, State>,
  sequence: number,
): State | undefined {
  const { writes } = self.outbox;
  self.outbox.sequenceDone = Math.max(self.outbox.sequenceDone, sequence);
  let done = 0;
  let state: State | undefined;
  while (done < writes.length && writes[done]!.sequence <= sequence) {
    const write = writes[done]!;
    self.durableIndex = Math.max(self.durableIndex, write.lastIndex);
    state = write.state;
    done++;
  }
  if (done > 0) writes.splice(0, done);
  return state;
}

/**
 * At most one persist effect; messages that wait for nothing become plain sends. `state` is what must
 * not be forgotten, as it stands now. Returns the sequence of the effect, if there is one.
 */
export function takePersist<Message, State>(
  self: Writer<Message, State>,
  effects: Effect<Message, State>[],
  state: State,
): number | undefined {
  const { outbox, log } = self;
  const hasEntries = outbox.unwrittenFrom <= log.lastIndex;
  const mustWrite = hasEntries || outbox.stateChanged || outbox.truncateFrom !== undefined;
  const thenSend = outbox.afterDisk;
  if (!mustWrite && (thenSend.length === 0 || outbox.writes.length === 0)) {
    for (const { to, message } of thenSend) effects.push({ kind: "send", to, message });
    if (thenSend.length > 0) outbox.afterDisk = [];
    return undefined;
  }
  const sequence = ++outbox.sequence;
  const commit = self.commitIndex;
  const withState = outbox.stateChanged || (mustWrite && commit !== outbox.commitWritten);
  if (withState) noteState(outbox, commit, sequence);
  effects.push({
    kind: "persist",
    sequence,
    ...(withState && { state }),
    ...(outbox.truncateFrom !== undefined && { truncateFrom: outbox.truncateFrom }),
    entries: hasEntries ? log.slice(outbox.unwrittenFrom, log.lastIndex) : [],
    thenSend,
  });
  outbox.writes.push({ sequence, lastIndex: log.lastIndex, state });
  outbox.stateChanged = false;
  outbox.unwrittenFrom = log.lastIndex + 1;
  outbox.truncateFrom = undefined;
  outbox.afterDisk = [];
  return sequence;
}
