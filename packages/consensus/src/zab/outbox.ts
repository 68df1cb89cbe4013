// Zab's outbox: the epochs are written with the log, and count only once they are on disk. What it is
// beyond that is the same for every protocol with a gapless log (outbox/).

import type { Effect, RejectReason, Token } from "../contract.ts";
import {
  type LogOutbox,
  writesDone as logWritesDone,
  takePersist as takeWrite,
} from "../outbox/log-writes.ts";
import { reject as rejectFor } from "../outbox/outbox.ts";
import type { ZabState } from "./durable-state.ts";
import type { ZabMessage } from "./messages.ts";
import { leaderOf, type Zab } from "./self.ts";

export type ZabEffect = Effect<ZabMessage, ZabState>;
export type Outbox = LogOutbox<ZabMessage, ZabState>;

export function reject(zab: Zab, token: Token, reason: RejectReason): void {
  const { outbox, settings } = zab;
  rejectFor({ outbox, settings, leader: leaderOf(zab) }, token, reason);
}

/** What tells the leader of a history that is about to be another one. */
export function dropSessionAnswers({ outbox }: Zab): void {
  outbox.afterDisk = outbox.afterDisk.filter(({ message: { kind } }) => {
    return kind !== "ackEpoch" && kind !== "ackNewLeader" && kind !== "ack";
  });
}

export function takePersist(zab: Zab, effects: ZabEffect[]): void {
  const { acceptedEpoch, currentEpoch, commitIndex } = zab;
  takeWrite(zab, effects, { acceptedEpoch, currentEpoch, commit: commitIndex });
}

/** Writes up to `sequence` are on disk. */
export function writesDone(zab: Zab, sequence: number): void {
  const state = logWritesDone(zab, sequence);
  if (state === undefined) return;
  zab.durableAcceptedEpoch = state.acceptedEpoch;
  zab.durableCurrentEpoch = state.currentEpoch;
}
