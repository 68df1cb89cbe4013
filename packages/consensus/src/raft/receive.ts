// The door for messages: terms first (Raft §5.1), then the table that says what each role makes of
// each message. A new message does not compile until every role has an answer.

import type { MemberId } from "../contract.ts";
import { priorityNow } from "../core/settings.ts";
import { isMember } from "../membership/membership.ts";
import { send } from "../outbox/outbox.ts";
import { handleAppendRequest } from "./append.ts";
import {
  handleCommitNotice,
  handleHeartbeatRequest,
  handleHeartbeatResponse,
  hearWhileInstalling,
} from "./heartbeat.ts";
import { isLoyal } from "./loyalty.ts";
import type { MessageKind, MessageOf, RaftMessage } from "./messages.ts";
import { handlePreVoteRequest, handlePreVoteResponse } from "./pre-vote.ts";
import {
  handleReadRefusal,
  handleReadRequest,
  handleReadResponse,
  refuseReadRequest,
} from "./reads.ts";
import { handleAppendRefusal, handleAppendResponse } from "./replication.ts";
import { becomeFollower } from "./role.ts";
import { membership, type Raft, type RaftRole } from "./self.ts";
import { handleTimeoutNow, handleVoteRequest, handleVoteResponse } from "./vote.ts";

type Handler<Kind extends MessageKind> = (
  raft: Raft,
  from: MemberId,
  message: MessageOf<Kind>,
) => void;
/** What a member that installs a snapshot takes is the same in every role (installing/). */
type Row = RaftRole | "installing";
type Table = {
  readonly [Role in Row]: { readonly [Kind in MessageKind]: Handler<Kind> | "ignored" };
};

/** Requests are answered alike in every role but where leading makes the difference. */
const requests = {
  preVoteRequest: handlePreVoteRequest,
  voteRequest: handleVoteRequest,
  appendRequest: handleAppendRequest,
  heartbeatRequest: handleHeartbeatRequest,
  commitNotice: handleCommitNotice,
  readRequest: refuseReadRequest,
  readResponse: handleReadResponse,
  readRefusal: handleReadRefusal,
} as const;

/** Answers to a role that this member no longer has. */
const lateAnswers = {
  preVoteResponse: "ignored",
  voteResponse: "ignored",
  appendResponse: "ignored",
  appendRefusal: "ignored",
  heartbeatResponse: "ignored",
  timeoutNow: "ignored",
} as const;

const table: Table = {
  follower: { ...requests, ...lateAnswers, timeoutNow: handleTimeoutNow },
  preCandidate: { ...requests, ...lateAnswers, preVoteResponse: handlePreVoteResponse },
  candidate: { ...requests, ...lateAnswers, voteResponse: handleVoteResponse },
  leader: {
    ...requests,
    ...lateAnswers,
    appendResponse: handleAppendResponse,
    appendRefusal: handleAppendRefusal,
    heartbeatResponse: handleHeartbeatResponse,
    readRequest: handleReadRequest,
    // Another leader of the same term cannot be.
    appendRequest: "ignored",
    heartbeatRequest: "ignored",
    commitNotice: "ignored",
  },
  // The log is about to be replaced: nothing is taken into it, and the leader asks again.
  installing: {
    ...requests,
    ...lateAnswers,
    appendRequest: hearWhileInstalling,
    heartbeatRequest: hearWhileInstalling,
    commitNotice: hearWhileInstalling,
  },
};

export function receive(raft: Raft, from: MemberId, message: RaftMessage): void {
  if (from === raft.settings.id) return;
  if (isResponse(message) && !isMember(membership(raft), from)) return;
  if (message.term > raft.term && !enterLaterTerm(raft, from, message)) return;
  if (message.term < raft.term && !concernsEarlierTerm(raft, from, message)) return;
  const row = raft.installing === undefined ? raft.role : "installing";
  const handler = table[row][message.kind];
  // The table ties each kind to a handler of its message; the pair is lost on the compiler here.
  if (handler !== "ignored") (handler as Handler<MessageKind>)(raft, from, message);
}

/** False when the message is to be dropped. */
function enterLaterTerm(raft: Raft, from: MemberId, message: RaftMessage): boolean {
  switch (message.kind) {
    case "preVoteRequest":
      return true;
    case "preVoteResponse":
      // Granted, it names a term that nobody is in yet.
      if (message.granted) return true;
      break;
    case "voteRequest":
      // Whoever hears a leader is not drawn into another's election (dissertation §4.2.3).
      if (isLoyal(raft, from) && !message.transfer) return false;
      break;
    case "voteResponse":
    case "appendRequest":
    case "appendResponse":
    case "appendRefusal":
    case "heartbeatRequest":
    case "heartbeatResponse":
    case "commitNotice":
    case "readRequest":
    case "readResponse":
    case "readRefusal":
    case "timeoutNow":
      break;
  }
  becomeFollower(raft, message.term, undefined);
  return true;
}

/** False when the message is to be dropped. */
function concernsEarlierTerm(raft: Raft, from: MemberId, message: RaftMessage): boolean {
  switch (message.kind) {
    case "appendRequest":
    case "heartbeatRequest": {
      // A leader of an earlier term learns that it leads no more. Without this answer it and a
      // member of a later term would ignore each other for ever (corpus: prevote-vs-checkquorum).
      const priority = priorityNow(raft);
      send(raft, from, { kind: "heartbeatResponse", term: raft.term, round: 0, priority });
      return false;
    }
    case "preVoteRequest":
    case "voteRequest":
    case "readRequest":
      return true;
    case "preVoteResponse":
      return !message.granted;
    case "voteResponse":
    case "appendResponse":
    case "appendRefusal":
    case "heartbeatResponse":
    case "commitNotice":
    case "readResponse":
    case "readRefusal":
    case "timeoutNow":
      return false;
  }
}

/** Only members that this one speaks to have anything to answer. */
function isResponse(message: RaftMessage): boolean {
  switch (message.kind) {
    case "preVoteResponse":
    case "voteResponse":
    case "appendResponse":
    case "appendRefusal":
    case "heartbeatResponse":
      return true;
    case "preVoteRequest":
    case "voteRequest":
    case "appendRequest":
    case "heartbeatRequest":
    case "commitNotice":
    case "readRequest":
    case "readResponse":
    case "readRefusal":
    case "timeoutNow":
      return false;
  }
}
