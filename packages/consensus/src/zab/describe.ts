// One line per message, for logs, traces and interaction scripts: the same everywhere. Sessions are
// random numbers and are not told.

import type { Vote, ZabMessage } from "./messages.ts";

export function describeMessage(message: ZabMessage): string {
  switch (message.kind) {
    case "notification": {
      const vote = message.vote === undefined ? "nobody" : describeVote(message.vote);
      return `notification round ${message.round} ${message.state} votes ${vote}`;
    }
    case "followerInfo":
      return `followerInfo accepted ${message.acceptedEpoch}`;
    case "leaderInfo":
      return `leaderInfo epoch ${message.epoch}${message.isEstablished ? " established" : ""}`;
    case "ackEpoch": {
      const { epoch, currentEpoch, lastIndex, lastEpoch, commitIndex, counts } = message;
      const history = `current ${currentEpoch} last ${lastIndex}@${lastEpoch} commit ${commitIndex}`;
      return `ackEpoch epoch ${epoch} ${history}${counts ? "" : ", accepted before"}`;
    }
    case "diff":
    case "trunc":
      return `${message.kind} epoch ${message.epoch} after ${message.agreedIndex}`;
    case "snap":
      return `snap epoch ${message.epoch}`;
    case "newLeader":
      return `newLeader epoch ${message.epoch} last ${message.lastIndex}`;
    case "ackNewLeader":
      return `ackNewLeader epoch ${message.epoch} index ${message.index}`;
    case "upToDate":
    case "commit":
      return `${message.kind} epoch ${message.epoch} commit ${message.commitIndex}`;
    case "proposal":
    case "inform": {
      const { kind, epoch, commitIndex, previousIndex, entries } = message;
      const range = entries.length === 1 ? "" : `..${previousIndex + entries.length}`;
      return `${kind} epoch ${epoch} entries ${previousIndex + 1}${range} commit ${commitIndex}`;
    }
    case "ack":
      return `ack epoch ${message.epoch} index ${message.index}`;
    case "ping":
      return `ping epoch ${message.epoch} round ${message.round}`;
    case "pong":
      return `pong epoch ${message.epoch} round ${message.round} index ${message.index}`;
    case "syncRequest":
    case "syncRefusal":
      return message.kind;
    case "syncResponse":
      return `syncResponse index ${message.index}`;
  }
}

function describeVote(vote: Vote): string {
  const preferred = vote.isPreferred ? " preferred" : "";
  return `${vote.leader} (${vote.currentEpoch}, ${vote.lastIndex}@${vote.lastEpoch})${preferred}`;
}
