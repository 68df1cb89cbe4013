// Raft as the contract asks for it: the step door, where each input finds its concern, and the
// protocol value that the runtime is given. What happens behind a door stands in the file of that
// name; messages pass through receive.ts.

import type {
  Core,
  CoreOptions,
  CoreStatus,
  Entry,
  Index,
  Input,
  Protocol,
  Restored,
} from "../contract.ts";
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
import { type RaftEffect, writesDone } from "./outbox.ts";
import { propose } from "./propose.ts";
import { read } from "./reads.ts";
import { receive } from "./receive.ts";
import { noteReachable, noteUnreachable } from "./replication.ts";
import { createRaft, type Raft } from "./self.ts";
import { noteSnapshotInstalled, noteSnapshotReceived, noteSnapshotSent } from "./snapshot.ts";
import { tick } from "./tick.ts";
import { stepDown, transferLeadership } from "./transfer.ts";
import { endTurn } from "./turn.ts";

export class RaftCore implements Core<RaftMessage, RaftState> {
  readonly #raft: Raft;

  constructor(options: CoreOptions, restored: Restored<RaftState>) {
    this.#raft = createRaft(options, restored);
  }

  step(input: Input<RaftMessage>, nowMs: number): void {
    const raft = this.#raft;
    if (nowMs > raft.nowMs) raft.nowMs = nowMs;
    if (raft.promiseUntilMs === Number.POSITIVE_INFINITY) {
      // The first input after a restart: whatever was promised before ends within this time.
      raft.promiseUntilMs = raft.nowMs + raft.settings.promiseMs;
    }
    perform(raft, input);
  }

  effects(): RaftEffect[] {
    return endTurn(this.#raft);
  }

  status(): CoreStatus {
    return status(this.#raft);
  }

  entryAt(index: Index): Entry | undefined {
    return this.#raft.log.at(index);
  }

  inspect(): RaftInspection {
    return inspect(this.#raft);
  }
}

export const raft: Protocol<RaftMessage, RaftState> = {
  name: "raft",
  create: (options, restored) => new RaftCore(options, restored),
  encodeMessage,
  decodeMessage,
  encodeState,
  decodeState,
  describeMessage,
  checkInvariants,
  checkDelta,
};

function perform(raft: Raft, input: Input<RaftMessage>): void {
  switch (input.kind) {
    case "tick":
      tick(raft);
      break;
    case "receive":
      receive(raft, input.from, input.message);
      break;
    case "propose":
      propose(raft, input.proposals);
      break;
    case "read":
      read(raft, input.token);
      break;
    case "persisted":
      writesDone(raft, input.sequence);
      noteOwnVoteDurable(raft, input.sequence);
      if (raft.leadership !== undefined) maybeCommit(raft);
      break;
    case "applied":
      raft.appliedIndex = Math.max(raft.appliedIndex, Math.min(input.index, raft.applySentIndex));
      break;
    case "changeMembership":
      changeMembership(raft, input);
      break;
    case "transferLeadership":
      transferLeadership(raft, input.to, input.token);
      break;
    case "compact":
      compact(raft, input.index);
      break;
    case "disconnected":
      noteHangUp(raft, input.peer);
      noteUnreachable(raft, input.peer);
      break;
    case "connected":
      noteReachable(raft, input.peer);
      break;
    case "unreachable":
      noteUnreachable(raft, input.peer);
      break;
    case "snapshotSent":
      noteSnapshotSent(raft, input);
      break;
    case "snapshotReceived":
      noteSnapshotReceived(raft, input.from, input.epoch, input.point);
      break;
    case "snapshotInstalled":
      noteSnapshotInstalled(raft, input.point);
      break;
    case "campaign":
      campaign(raft);
      break;
    case "stepDown":
      stepDown(raft);
      break;
    case "fitness":
      raft.isFit = input.isFit;
      if (!input.isFit) stepDown(raft);
      break;
  }
}
