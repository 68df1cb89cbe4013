// The end of a leadership transfer as its old leader sees it: well when the leader that it hears
// next is the one it named. Apart from `transfer.ts`, because hearing a leader needs only this.

import { reject } from "./outbox.ts";
import { leaderOf, type Zab } from "./self.ts";

/** Called when a leader, this member or another, became known to be established. */
export function settleTransfer(zab: Zab): void {
  const transfer = zab.transfer;
  const leader = leaderOf(zab);
  if (transfer === undefined || leader === undefined) return;
  zab.transfer = undefined;
  if (transfer.token === undefined) return;
  if (leader === transfer.to) {
    zab.outbox.answers.push({ kind: "transferred", token: transfer.token });
  } else {
    // It may have had to take leadership up again itself: the target did not want it.
    reject(zab, transfer.token, leader === zab.settings.id ? "timedOut" : "leadershipLost");
  }
}
