// Zab as the contract asks for it: the step door, where each input finds its concern, and the protocol
// value that the runtime is given. What happens behind a door stands in the file of that name;
// messages pass through receive.ts.

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
import { writesDone, type ZabEffect } from "./outbox.ts";
import { propose } from "./propose.ts";
import { read } from "./reads.ts";
import { receive } from "./receive.ts";
import { createZab, type Zab } from "./self.ts";
import { noteSnapshotInstalled, noteSnapshotReceived, noteSnapshotSent } from "./snapshot.ts";
import { considerEstablished } from "./synchronization.ts";
import { tick } from "./tick.ts";
import { stepDown, transferLeadership } from "./transfer.ts";
import { endTurn } from "./turn.ts";

export class ZabCore implements Core<ZabMessage, ZabState> {
  readonly #zab: Zab;

  constructor(options: CoreOptions, restored: Restored<ZabState>) {
    this.#zab = createZab(options, restored);
  }

  step(input: Input<ZabMessage>, nowMs: number): void {
    const zab = this.#zab;
    if (nowMs > zab.nowMs) zab.nowMs = nowMs;
    if (zab.promiseUntilMs === Number.POSITIVE_INFINITY) {
      // The first input after a restart: whatever was promised before ends within this time.
      zab.promiseUntilMs = zab.nowMs + zab.settings.promiseMs;
    }
    perform(zab, input);
  }

  effects(): ZabEffect[] {
    return endTurn(this.#zab);
  }

  status(): CoreStatus {
    return status(this.#zab);
  }

  entryAt(index: Index): Entry | undefined {
    return this.#zab.log.at(index);
  }

  inspect(): ZabInspection {
    return inspect(this.#zab);
  }
}

export const zab: Protocol<ZabMessage, ZabState> = {
  name: "zab",
  create: (options, restored) => new ZabCore(options, restored),
  encodeMessage,
  decodeMessage,
  encodeState,
  decodeState,
  describeMessage,
  checkInvariants,
  checkDelta,
};

function perform(zab: Zab, input: Input<ZabMessage>): void {
  switch (input.kind) {
    case "tick":
      tick(zab);
      break;
    case "receive":
      receive(zab, input.from, input.message);
      break;
    case "propose":
      propose(zab, input.proposals);
      break;
    case "read":
      read(zab, input.token);
      break;
    case "persisted":
      notePersisted(zab, input.sequence);
      break;
    case "applied":
      zab.appliedIndex = Math.max(zab.appliedIndex, Math.min(input.index, zab.applySentIndex));
      break;
    case "changeMembership":
      changeMembership(zab, input);
      break;
    case "transferLeadership":
      transferLeadership(zab, input.to, input.token);
      break;
    case "compact":
      compact(zab, input.index);
      break;
    case "disconnected":
      noteHangUp(zab, input.peer);
      break;
    case "connected":
      if (zab.leadership !== undefined) zab.leadership.heartbeatDue = true;
      if (zab.looking !== undefined) zab.looking.notifyDue = true;
      break;
    case "unreachable":
      // A message of the session is lost; the follower will notice by the sequence.
      break;
    case "snapshotSent":
      noteSnapshotSent(zab, input);
      break;
    case "snapshotReceived":
      noteSnapshotReceived(zab, input.from, input.epoch, input.point);
      break;
    case "snapshotInstalled":
      noteSnapshotInstalled(zab, input.point);
      break;
    case "campaign":
      campaign(zab);
      break;
    case "stepDown":
      stepDown(zab);
      break;
    case "fitness":
      zab.isFit = input.isFit;
      if (input.isFit) zab.abstainTicks = 0;
      else stepDown(zab);
      break;
  }
}

/** The leader's own disk is one of the quorum: for the epochs and for every transaction. */
function notePersisted(zab: Zab, sequence: number): void {
  writesDone(zab, sequence);
  if (zab.leadership !== undefined) considerQuorum(zab, zab.leadership);
  if (zab.leadership !== undefined) considerEstablished(zab, zab.leadership);
  if (zab.leadership !== undefined) maybeCommit(zab);
}
