// Paxos' outbox: slots are written as they change, in whatever order. Whatever must not leave before it
// is durable (promises, accepted values, prepare requests) waits in `afterDisk`, and a slot counts as
// accepted only once the write that carried it was reported back.

import type { Effect, Entry, Epoch, Index } from "../contract.ts";
import {
  type Outbox as AnyOutbox,
  createOutbox as createAnyOutbox,
  noteState,
} from "../outbox/outbox.ts";
import type { PaxosState } from "./durable-state.ts";
import type { PaxosMessage } from "./messages.ts";
import type { Paxos } from "./self.ts";

export type PaxosEffect = Effect<PaxosMessage, PaxosState>;

export interface Outbox extends AnyOutbox<PaxosMessage, PaxosState> {
  /** Slots that changed since the last persist effect. */
  changed: Index[];
  /** Nothing from this slot on is applied before `membershipSequence` says on disk that it is chosen. */
  membershipHeld: Index | undefined;
  membershipSequence: number;
}

export function createOutbox(epoch: Epoch, commitIndex: Index, hasState: boolean): Outbox {
  const outbox = createAnyOutbox<PaxosMessage, PaxosState>(epoch, commitIndex, hasState);
  return { ...outbox, changed: [], membershipHeld: undefined, membershipSequence: 0 };
}

/** At most one persist effect; messages that wait for nothing become plain sends. */
export function takePersist(paxos: Paxos, effects: PaxosEffect[]): void {
  const { outbox } = paxos;
  const mustWrite = outbox.changed.length > 0 || outbox.stateChanged;
  const thenSend = outbox.afterDisk;
  if (!mustWrite && (thenSend.length === 0 || paxos.durableSequence >= outbox.sequence)) {
    for (const { to, message } of thenSend) effects.push({ kind: "send", to, message });
    if (thenSend.length > 0) outbox.afterDisk = [];
    return;
  }
  const sequence = ++outbox.sequence;
  const commit = paxos.commitIndex;
  const withState = outbox.stateChanged || (mustWrite && commit !== outbox.commitWritten);
  if (withState) noteState(outbox, commit, sequence);
  effects.push({
    kind: "persist",
    sequence,
    ...(withState && { state: stateOf(paxos) }),
    entries: takeChanged(paxos, sequence),
    thenSend,
  });
  if (outbox.membershipSequence === Number.POSITIVE_INFINITY) outbox.membershipSequence = sequence;
  noteOwnPromise(paxos, sequence);
  outbox.stateChanged = false;
  outbox.afterDisk = [];
}

function stateOf(paxos: Paxos): PaxosState {
  const { promised, commitIndex, settings, installing } = paxos;
  return {
    round: promised.round,
    proposer: promised.proposer,
    commit: commitIndex,
    prepareQuorum: settings.quorums.prepare,
    acceptQuorum: settings.quorums.accept,
    ...(installing !== undefined && { installing: installing.point.index }),
  };
}

/** Each changed slot once, ascending, as it stands now. */
function takeChanged(paxos: Paxos, sequence: number): Entry[] {
  const { outbox, log } = paxos;
  const entries: Entry[] = [];
  let last = 0;
  let isAscending = true;
  for (const index of outbox.changed) {
    if (!log.written(index, sequence)) continue;
    entries.push(log.at(index)!);
    if (index < last) isAscending = false;
    last = index;
  }
  outbox.changed = [];
  if (!isAscending) entries.sort((one, other) => one.index - other.index);
  return entries;
}

/** A candidate's own promise travels in this write. */
function noteOwnPromise(paxos: Paxos, sequence: number): void {
  const { preparation, settings } = paxos;
  if (preparation === undefined || preparation.answers.has(settings.id)) return;
  preparation.ownSequence ??= sequence;
}
