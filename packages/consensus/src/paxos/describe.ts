// One line per message, for logs, traces and interaction scripts: the same everywhere.

import type { Entry, Index } from "../contract.ts";
import { describeBallot } from "../synod/ballot.ts";
import type { PaxosMessage } from "./messages.ts";

export function describeMessage(message: PaxosMessage): string {
  const head = `${message.kind} ballot ${describeBallot(message.ballot)}`;
  switch (message.kind) {
    case "canvassRequest":
      return `${head} commit ${message.commitIndex}`;
    case "canvassResponse": {
      const { granted, promised } = message;
      return `${head} ${granted ? "granted" : `refused, promised ${describeBallot(promised)}`}`;
    }
    case "prepareRequest":
      return `${head} from ${message.first}${message.handedOver === undefined ? "" : " transfer"}`;
    case "promise": {
      const { first, last, isLast, commitIndex, baseIndex, entries } = message;
      const slots = isLast ? `${first}..` : `${first}..${last}`;
      const base = baseIndex < first ? "" : ` base ${baseIndex}`;
      return `${head} slots ${slots} commit ${commitIndex}${base} accepted ${accepted(entries)}`;
    }
    case "acceptRequest": {
      const { first, commitIndex, entries } = message;
      return `${head} slots ${range(first, first + entries.length - 1)} commit ${commitIndex}`;
    }
    case "acceptResponse":
      return `${head} slots ${range(message.first, message.last)} match ${message.matchIndex}`;
    case "refusal":
      return `${head} promised ${describeBallot(message.promised)}`;
    case "heartbeatRequest":
      return `${head} round ${message.round} commit ${message.commitIndex}`;
    case "heartbeatResponse": {
      const { round, matchIndex, receivedIndex, commitIndex } = message;
      const received = receivedIndex === matchIndex ? "" : ` received ${receivedIndex}`;
      return `${head} round ${round} match ${matchIndex}${received} commit ${commitIndex}`;
    }
    case "commitNotice":
      return `${head} commit ${message.commitIndex}`;
    case "readRequest":
    case "readRefusal":
      return head;
    case "readResponse":
      return `${head} index ${message.index}`;
    case "takeOver":
      return head;
  }
}

function range(first: Index, last: Index): string {
  return first === last ? `${first}` : `${first}..${last}`;
}

function accepted(entries: readonly Entry[]): string {
  if (entries.length === 0) return "nothing";
  return entries.map(({ index, epoch, proposer }) => `${index}@${epoch}.${proposer}`).join(" ");
}
