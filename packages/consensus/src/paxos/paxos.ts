// Multi-Paxos as the contract asks for it: the step door, where each input finds its concern, and the
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
import { decodeState, encodeState, type PaxosState } from "./durable-state.ts";
import { campaign, noteOwnPromiseDurable } from "./election.ts";
import { inspect, type PaxosInspection, status } from "./inspect.ts";
import { checkDelta, checkInvariants } from "./invariants.ts";
import { compact, writesDone } from "./log-writer.ts";
import { noteHangUp } from "./loyalty.ts";
import { changeMembership } from "./membership-change.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import type { PaxosMessage } from "./messages.ts";
import type { PaxosEffect } from "./outbox.ts";
import { propose } from "./propose.ts";
import { read } from "./reads.ts";
import { receive } from "./receive.ts";
import { noteReachable, noteUnreachable } from "./replication.ts";
import { createPaxos, type Paxos } from "./self.ts";
import { noteSnapshotInstalled, noteSnapshotReceived, noteSnapshotSent } from "./snapshot.ts";
import { tick } from "./tick.ts";
import { stepDown, transferLeadership } from "./transfer.ts";
import { endTurn } from "./turn.ts";

export class PaxosCore implements Core<PaxosMessage, PaxosState> {
  readonly #paxos: Paxos;

  constructor(options: CoreOptions, restored: Restored<PaxosState>) {
    this.#paxos = createPaxos(options, restored);
  }

  step(input: Input<PaxosMessage>, nowMs: number): void {
    const paxos = this.#paxos;
    if (nowMs > paxos.nowMs) paxos.nowMs = nowMs;
    if (paxos.promiseUntilMs === Number.POSITIVE_INFINITY) {
      // The first input after a restart: whatever was granted before ends within this time.
      paxos.promiseUntilMs = paxos.nowMs + paxos.settings.promiseMs;
    }
    perform(paxos, input);
  }

  effects(): PaxosEffect[] {
    return endTurn(this.#paxos);
  }

  status(): CoreStatus {
    return status(this.#paxos);
  }

  entryAt(index: Index): Entry | undefined {
    return this.#paxos.log.at(index);
  }

  inspect(): PaxosInspection {
    return inspect(this.#paxos);
  }
}

export const paxos: Protocol<PaxosMessage, PaxosState> = {
  name: "paxos",
  create: (options, restored) => new PaxosCore(options, restored),
  encodeMessage,
  decodeMessage,
  encodeState,
  decodeState,
  describeMessage,
  checkInvariants,
  checkDelta,
};

function perform(paxos: Paxos, input: Input<PaxosMessage>): void {
  switch (input.kind) {
    case "tick":
      tick(paxos);
      break;
    case "receive":
      receive(paxos, input.from, input.message);
      break;
    case "propose":
      propose(paxos, input.proposals);
      break;
    case "read":
      read(paxos, input.token);
      break;
    case "persisted":
      writesDone(paxos, input.sequence);
      noteOwnPromiseDurable(paxos, input.sequence);
      if (paxos.leadership !== undefined) maybeCommit(paxos);
      break;
    case "applied":
      paxos.appliedIndex = Math.max(
        paxos.appliedIndex,
        Math.min(input.index, paxos.applySentIndex),
      );
      break;
    case "changeMembership":
      changeMembership(paxos, input);
      break;
    case "transferLeadership":
      transferLeadership(paxos, input.to, input.token);
      break;
    case "compact":
      compact(paxos, input.index);
      break;
    case "disconnected":
      noteHangUp(paxos, input.peer);
      noteUnreachable(paxos, input.peer);
      break;
    case "connected":
      noteReachable(paxos, input.peer);
      break;
    case "unreachable":
      noteUnreachable(paxos, input.peer);
      break;
    case "snapshotSent":
      noteSnapshotSent(paxos, input);
      break;
    case "snapshotReceived":
      noteSnapshotReceived(paxos, input.from, input.epoch, input.point);
      break;
    case "snapshotInstalled":
      noteSnapshotInstalled(paxos, input.point);
      break;
    case "campaign":
      campaign(paxos);
      break;
    case "stepDown":
      stepDown(paxos);
      break;
    case "fitness":
      paxos.isFit = input.isFit;
      if (!input.isFit) stepDown(paxos);
      break;
  }
}
