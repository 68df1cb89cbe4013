// One line per message, for logs, traces and interaction scripts: the same everywhere.

import type { RaftMessage } from "./messages.ts";

export function describeMessage(message: RaftMessage): string {
  const head = `${message.kind} term ${message.term}`;
  switch (message.kind) {
    case "preVoteRequest":
      return `${head} log ${message.lastIndex}@${message.lastTerm}`;
    case "voteRequest": {
      const transfer = message.transfer ? " transfer" : "";
      return `${head} log ${message.lastIndex}@${message.lastTerm}${transfer}`;
    }
    case "preVoteResponse":
    case "voteResponse":
      return `${head} ${message.granted ? "granted" : "refused"}`;
    case "appendRequest": {
      const { previousIndex, previousTerm, commitIndex, entries } = message;
      const place = `after ${previousIndex}@${previousTerm} commit ${commitIndex}`;
      if (entries.length === 0) return `${head} ${place} empty`;
      const range = entries.length === 1 ? "" : `..${previousIndex + entries.length}`;
      return `${head} ${place} entries ${previousIndex + 1}${range}`;
    }
    case "appendResponse":
      return `${head} match ${message.matchIndex}`;
    case "appendRefusal": {
      const { previousIndex, hintIndex, hintTerm } = message;
      return `${head} not ${previousIndex}, perhaps ${hintIndex}@${hintTerm}`;
    }
    case "heartbeatRequest":
      return `${head} round ${message.round} commit ${message.commitIndex}`;
    case "heartbeatResponse":
      return `${head} round ${message.round}`;
    case "commitNotice":
      return `${head} commit ${message.commitIndex}`;
    case "readRequest":
    case "readRefusal":
      return head;
    case "readResponse":
      return `${head} index ${message.index}`;
    case "timeoutNow":
      return head;
  }
}
