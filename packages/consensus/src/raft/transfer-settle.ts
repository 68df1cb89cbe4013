// The end of a leadership transfer as its old leader sees it: well when the leader that it hears
// next is the one it named. Apart from `transfer.ts`, because hearing a leader needs only this.

import { reject } from "../outbox/outbox.ts";
import type { Raft } from "./self.ts";

/** Called when a leader other than this member became known. */
export function settleTransfer(raft: Raft): void {
  const transfer = raft.transfer;
  if (transfer === undefined || raft.leader === undefined) return;
  raft.transfer = undefined;
  if (transfer.token === undefined) return;
  if (raft.leader === transfer.to) {
    raft.outbox.answers.push({ kind: "transferred", token: transfer.token });
  } else {
    reject(raft, transfer.token, "leadershipLost");
  }
}
