// Raft as the contract asks for it: where each input finds its concern, and the
// protocol value that the runtime is given. What happens behind a door stands in the file of that
// name; messages pass through receive.ts.

import { defineProtocol, type InspectedCore, type Parts } from "../core/core.ts";
import { writesDone } from "../outbox/log-writes.ts";
import { maybeCommit } from "./commit.ts";
import { describeMessage } from "./describe.ts";
import { decodeState, encodeState, type RaftState } from "./durable-state.ts";
import { campaign, noteOwnVoteDurable } from "./election.ts";
import { inspect, type RaftInspection, status } from "./inspect.ts";
import { checkDelta, checkInvariants } from "./invariants.ts";
import { compact } from "./log-writer.ts";
import { noteHangUp } from "./loyalty.ts";
import { changeMembership } from "./membership-change.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import type { RaftMessage } from "./messages.ts";

import { propose } from "./propose.ts";
import { read } from "./reads.ts";
import { receive } from "./receive.ts";
import { noteReachable, noteUnreachable } from "./replication.ts";
import { createRaft, type Raft } from "./self.ts";
import { noteSnapshotInstalled, noteSnapshotReceived, noteSnapshotSent } from "./snapshot.ts";
import { tick } from "./tick.ts";
import { stepDown, transferLeadership } from "./transfer.ts";
import { endTurn } from "./turn.ts";

export type RaftCore = InspectedCore<RaftMessage, RaftState, RaftInspection>;

export const raftParts: Parts<Raft, RaftMessage, RaftState, RaftInspection> = {
  name: "raft",
  create: createRaft,
  inputs: {
    tick,
    receive: (raft, input) => receive(raft, input.from, input.message),
    propose: (raft, input) => propose(raft, input.proposals),
    read: (raft, input) => read(raft, input.token),
    persisted: (raft, input) => {
      writesDone(raft, input.sequence);
      noteOwnVoteDurable(raft, input.sequence);
      if (raft.leadership !== undefined) maybeCommit(raft);
    },
    changeMembership,
    transferLeadership: (raft, input) => transferLeadership(raft, input.to, input.token),
    compact: (raft, input) => compact(raft, input.index),
    disconnected: (raft, input) => {
      noteHangUp(raft, input.peer);
      noteUnreachable(raft, input.peer);
    },
    connected: (raft, input) => noteReachable(raft, input.peer),
    unreachable: (raft, input) => noteUnreachable(raft, input.peer),
    snapshotSent: noteSnapshotSent,
    snapshotReceived: (raft, input) =>
      noteSnapshotReceived(raft, input.from, input.epoch, input.point),
    snapshotInstalled: (raft, input) => noteSnapshotInstalled(raft, input.point),
    campaign,
    stepDown,
    fitness: (raft, input) => {
      raft.isFit = input.isFit;
      if (!input.isFit) stepDown(raft);
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

export const raft = defineProtocol(raftParts);
