// Zab as the contract asks for it: where each input finds its concern, and the protocol
// value that the runtime is given. What happens behind a door stands in the file of that name;
// messages pass through receive.ts.

import { defineProtocol, type InspectedCore, type Parts } from "../core/core.ts";
import { maybeCommit } from "./commit.ts";
import { describeMessage } from "./describe.ts";
import { considerQuorum } from "./discovery.ts";
import { decodeState, encodeState, type ZabState } from "./durable-state.ts";
import { campaign } from "./election.ts";
import { inspect, status, type ZabInspection } from "./inspect.ts";
import { checkDelta, checkInvariants } from "./invariants.ts";
import { compact } from "./log-writer.ts";
import { noteHangUp } from "./loyalty.ts";
import { changeMembership } from "./membership-change.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import type { ZabMessage } from "./messages.ts";
import { writesDone } from "./outbox.ts";
import { propose } from "./propose.ts";
import { read } from "./reads.ts";
import { receive } from "./receive.ts";
import { createZab, type Zab } from "./self.ts";
import { noteSnapshotInstalled, noteSnapshotReceived, noteSnapshotSent } from "./snapshot.ts";
import { considerEstablished } from "./synchronization.ts";
import { tick } from "./tick.ts";
import { stepDown, transferLeadership } from "./transfer.ts";
import { endTurn } from "./turn.ts";

export type ZabCore = InspectedCore<ZabMessage, ZabState, ZabInspection>;

export const zabParts: Parts<Zab, ZabMessage, ZabState, ZabInspection> = {
  name: "zab",
  create: createZab,
  inputs: {
    tick,
    receive: (zab, input) => receive(zab, input.from, input.message),
    propose: (zab, input) => propose(zab, input.proposals),
    read: (zab, input) => read(zab, input.token),
    persisted: (zab, input) => notePersisted(zab, input.sequence),
    changeMembership,
    transferLeadership: (zab, input) => transferLeadership(zab, input.to, input.token),
    compact: (zab, input) => compact(zab, input.index),
    disconnected: (zab, input) => noteHangUp(zab, input.peer),
    connected: (zab) => {
      if (zab.leadership !== undefined) zab.leadership.heartbeatDue = true;
      if (zab.looking !== undefined) zab.looking.notifyDue = true;
    },
    unreachable: () => {
      // A message of the session is lost; the follower will notice by the sequence.
    },
    snapshotSent: noteSnapshotSent,
    snapshotReceived: (zab, input) =>
      noteSnapshotReceived(zab, input.from, input.epoch, input.point),
    snapshotInstalled: (zab, input) => noteSnapshotInstalled(zab, input.point),
    campaign,
    stepDown,
    fitness: (zab, input) => {
      zab.isFit = input.isFit;
      if (input.isFit) zab.abstainTicks = 0;
      else stepDown(zab);
    },
  },
  endTurn,
  status,
  inspect,
  encodeMessage,
  decodeMessage,
  encodeState,
  decodeState,
  describeMessage,
  checkInvariants,
  checkDelta,
};

export const zab = defineProtocol(zabParts);

/** The leader's own disk is one of the quorum: for the epochs and for every transaction. */
function notePersisted(zab: Zab, sequence: number): void {
  writesDone(zab, sequence);
  if (zab.leadership !== undefined) considerQuorum(zab, zab.leadership);
  if (zab.leadership !== undefined) considerEstablished(zab, zab.leadership);
  if (zab.leadership !== undefined) maybeCommit(zab);
}
