// The door for messages: ballots first (a message of one that is below the promise is refused, a leader
// of a higher one is followed), then the table that says what each role makes of each message. A new
// message does not compile until every role has an answer.

import type { MemberId } from "../contract.ts";
import { isMember } from "../membership/membership.ts";
import { send } from "../outbox/outbox.ts";
import { compareBallots, sameBallot } from "../synod/ballot.ts";
import { handleAcceptRequest } from "./accept.ts";
import { handleCanvassRequest, handleCanvassResponse } from "./canvass.ts";
import { handleRefusal } from "./election.ts";
import {
  handleCommitNotice,
  handleHeartbeatRequest,
  handleHeartbeatResponse,
  hearWhileInstalling,
} from "./heartbeat.ts";
import { hasToWait } from "./loyalty.ts";
import type { MessageKind, MessageOf, PaxosMessage } from "./messages.ts";
import { handlePrepareRequest, handlePromise } from "./prepare.ts";
import {
  handleReadRefusal,
  handleReadRequest,
  handleReadResponse,
  refuseReadRequest,
} from "./reads.ts";
import { handleAcceptResponse } from "./replication.ts";
import { membership, type Paxos, type PaxosRole } from "./self.ts";
import { handleTakeOver } from "./transfer.ts";

type Handler<Kind extends MessageKind> = (
  paxos: Paxos,
  from: MemberId,
  message: MessageOf<Kind>,
) => void;
/** What a member that installs a snapshot takes is the same in every role (installing/). */
type Row = PaxosRole | "installing";
type Table = {
  readonly [Role in Row]: { readonly [Kind in MessageKind]: Handler<Kind> | "ignored" };
};

/** Requests are answered alike in every role but where leading makes the difference. */
const requests = {
  canvassRequest: handleCanvassRequest,
  prepareRequest: handlePrepareRequest,
  acceptRequest: handleAcceptRequest,
  heartbeatRequest: handleHeartbeatRequest,
  commitNotice: handleCommitNotice,
  readRequest: refuseReadRequest,
  readResponse: handleReadResponse,
  readRefusal: handleReadRefusal,
} as const;

/** Answers to a role that this member no longer has. */
const lateAnswers = {
  canvassResponse: "ignored",
  promise: "ignored",
  acceptResponse: "ignored",
  refusal: "ignored",
  heartbeatResponse: "ignored",
  takeOver: "ignored",
} as const;

const table: Table = {
  follower: { ...requests, ...lateAnswers, takeOver: handleTakeOver },
  canvasser: { ...requests, ...lateAnswers, canvassResponse: handleCanvassResponse },
  candidate: {
    ...requests,
    ...lateAnswers,
    promise: handlePromise,
    refusal: handleRefusal,
  },
  leader: {
    ...requests,
    ...lateAnswers,
    promise: handlePromise,
    refusal: handleRefusal,
    acceptResponse: handleAcceptResponse,
    heartbeatResponse: handleHeartbeatResponse,
    readRequest: handleReadRequest,
  },
  // The store is about to be replaced, for which the disk must come to rest: whoever leads, and whoever
  // promised, is asked again. A candidate may still hear that its ballot is in vain.
  installing: {
    ...requests,
    ...lateAnswers,
    acceptRequest: hearWhileInstalling,
    heartbeatRequest: hearWhileInstalling,
    commitNotice: hearWhileInstalling,
    refusal: handleRefusal,
  },
};

export function receive(paxos: Paxos, from: MemberId, message: PaxosMessage): void {
  if (from === paxos.settings.id || !isInOrder(paxos, from, message)) return;
  // The row and the message agree in kind, which the type of the table says and a union cannot.
  const row = paxos.installing === undefined ? paxos.role : "installing";
  const handler = table[row][message.kind] as Handler<MessageKind> | "ignored";
  if (handler !== "ignored") handler(paxos, from, message);
}

/** False when the message is to be dropped. */
function isInOrder(paxos: Paxos, from: MemberId, message: PaxosMessage): boolean {
  const { ballot } = message;
  switch (message.kind) {
    case "canvassRequest":
    case "prepareRequest":
      if (ballot.proposer !== from) return false;
      break;
    case "acceptRequest":
    case "heartbeatRequest":
    case "commitNotice":
      if (ballot.proposer !== from) return false;
      if (compareBallots(ballot, paxos.promised) < 0) {
        // P1a; and whoever leads by a lower ballot learns that it leads no more.
        send(paxos, from, { kind: "refusal", ballot, promised: paxos.promised });
        return false;
      }
      if (hasToWait(paxos, ballot)) return false;
      break;
    case "takeOver":
      return ballot.proposer === from && sameBallot(ballot, paxos.promised);
    case "canvassResponse":
      return ballot.proposer === paxos.settings.id && isMember(membership(paxos), from);
    case "promise":
    case "acceptResponse":
    case "refusal":
    case "heartbeatResponse":
      // Only about the ballot under way, and only from those that this proposer speaks to.
      return sameBallot(ballot, paxos.promised) && isMember(membership(paxos), from);
    case "readRequest":
    case "readResponse":
    case "readRefusal":
      return true;
  }
  if (message.kind !== "canvassRequest" && ballot.round > paxos.highestRound) {
    paxos.highestRound = ballot.round;
  }
  return true;
}
