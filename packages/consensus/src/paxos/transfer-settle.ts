// The end of a leadership transfer as its old leader sees it: well when the leader that it hears
// next is the one it named. Apart from `transfer.ts`, because hearing a leader needs only this.

import { reject } from "../outbox/outbox.ts";
import type { Paxos } from "./self.ts";

/** Called when a leader other than this member became known. */
export function settleTransfer(paxos: Paxos): void {
  const transfer = paxos.transfer;
  if (transfer === undefined || paxos.leader === undefined) return;
  paxos.transfer = undefined;
  if (transfer.token === undefined) return;
  if (paxos.leader === transfer.to) {
    paxos.outbox.answers.push({ kind: "transferred", token: transfer.token });
  } else {
    reject(paxos, transfer.token, "leadershipLost");
  }
}
