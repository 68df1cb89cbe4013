// Multi-Paxos as the contract asks for it: where each input finds its concern, and the
// protocol value that the runtime is given. What happens behind a door stands in the file of that
// name; messages pass through receive.ts.

import { defineProtocol, type InspectedCore, type Parts } from "../core/core.ts";
import { maybeCommit } from "./commit.ts";
import { describeMessage } from "./describe.ts";
import { decodeState, encodeState, type PaxosState } from "./durable-state.ts";
import { campaign, noteOwnPromiseDurable } from "./election.ts";
import { inspect, type PaxosInspection, status } from "./inspect.ts";
import { checkDelta, checkInvariants } from "./invariants.ts";
import { compact, writesDone } from "./log-writer.ts";
import { noteHangUp } from "./loyalty.ts";
import { changeMembership } from "./membership-change.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import type { PaxosMessage } from "./messages.ts";
import { propose } from "./propose.ts";
import { read } from "./reads.ts";
import { receive } from "./receive.ts";
import { noteReachable, noteUnreachable } from "./replication.ts";
import { createPaxos, type Paxos } from "./self.ts";
import { noteSnapshotInstalled, noteSnapshotReceived, noteSnapshotSent } from "./snapshot.ts";
import { tick } from "./tick.ts";
import { stepDown, transferLeadership } from "./transfer.ts";
import { endTurn } from "./turn.ts";

export type PaxosCore = InspectedCore<PaxosMessage, PaxosState, PaxosInspection>;

export const paxosParts: Parts<Paxos, PaxosMessage, PaxosState, PaxosInspection> = {
  name: "paxos",
  create: createPaxos,
  inputs: {
    tick,
    receive: (paxos, input) => receive(paxos, input.from, input.message),
    propose: (paxos, input) => propose(paxos, input.proposals),
    read: (paxos, input) => read(paxos, input.token),
    persisted: (paxos, input) => {
      writesDone(paxos, input.sequence);
      noteOwnPromiseDurable(paxos, input.sequence);
      if (paxos.leadership !== undefined) maybeCommit(paxos);
    },
    changeMembership,
    transferLeadership: (paxos, input) => transferLeadership(paxos, input.to, input.token),
    compact: (paxos, input) => compact(paxos, input.index),
    disconnected: (paxos, input) => {
      noteHangUp(paxos, input.peer);
      noteUnreachable(paxos, input.peer);
    },
    connected: (paxos, input) => noteReachable(paxos, input.peer),
    unreachable: (paxos, input) => noteUnreachable(paxos, input.peer),
    snapshotSent: noteSnapshotSent,
    snapshotReceived: (paxos, input) =>
      noteSnapshotReceived(paxos, input.from, input.epoch, input.point),
    snapshotInstalled: (paxos, input) => noteSnapshotInstalled(paxos, input.point),
    campaign,
    stepDown,
    fitness: (paxos, input) => {
      paxos.isFit = input.isFit;
      if (!input.isFit) stepDown(paxos);
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

export const paxos = defineProtocol(paxosParts);
