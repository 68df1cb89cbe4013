// Proposals enter the log here, each with the next zxid (Zab §IV phase 3, leader). They are sent and
// written when the turn ends, so that all of a turn share one message per follower and one write.

import type { Proposal } from "../contract.ts";
import { appendOwn } from "./log-writer.ts";
import { reject } from "./outbox.ts";
import type { Zab } from "./self.ts";

export function propose(zab: Zab, proposals: readonly Proposal[]): void {
  const { leadership, outbox } = zab;
  const { uncommittedBytesMax } = zab.settings.limits;
  for (const { token, payload } of proposals) {
    if (leadership?.phase !== "broadcast") {
      reject(zab, token, "notLeader");
    } else if (zab.transfer !== undefined) {
      reject(zab, token, "leadershipTransferInProgress");
    } else if (
      leadership.uncommittedBytes > 0 &&
      leadership.uncommittedBytes + payload.length > uncommittedBytesMax
    ) {
      // One entry may always be under way, however large, or it could never be proposed.
      reject(zab, token, "overloaded");
    } else {
      const { index, epoch } = appendOwn(zab, "command", payload);
      outbox.answers.push({ kind: "accepted", token, index, epoch });
    }
  }
}
