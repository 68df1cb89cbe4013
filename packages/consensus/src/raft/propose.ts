// Proposals enter the log here (Raft §5.3, first step). They are sent and written when the turn
// ends, so that all proposals of a turn share one message per follower and one disk write.

import type { Proposal } from "../contract.ts";
import { reject } from "../outbox/outbox.ts";
import { appendOwn } from "./log-writer.ts";
import type { Raft } from "./self.ts";

export function propose(raft: Raft, proposals: readonly Proposal[]): void {
  const { leadership, outbox, term } = raft;
  const { uncommittedBytesMax } = raft.settings.limits;
  for (const { token, payload } of proposals) {
    if (leadership === undefined) {
      reject(raft, token, "notLeader");
    } else if (raft.transfer !== undefined) {
      reject(raft, token, "leadershipTransferInProgress");
    } else if (
      leadership.uncommittedBytes > 0 &&
      leadership.uncommittedBytes + payload.length > uncommittedBytesMax
    ) {
      // One entry may always be under way, however large, or it could never be proposed.
      reject(raft, token, "overloaded");
    } else {
      const { index } = appendOwn(raft, "command", payload);
      outbox.answers.push({ kind: "accepted", token, index, epoch: term });
    }
  }
}
