// The follower's side of broadcast: take transactions in the leader's order, write them, acknowledge what
// is on disk, deliver what is committed (Zab §IV phase 3, follower).

import type { MemberId } from "../contract.ts";
import { sendAfterDisk } from "../outbox/outbox.ts";
import { learnCommit } from "./commit.ts";
import { restartSession } from "./following.ts";
import { appendReceived } from "./log-writer.ts";
import { receiveInOrder } from "./loyalty.ts";
import type { MessageOf } from "./messages.ts";
import type { Zab } from "./self.ts";

export function handleProposal(
  zab: Zab,
  from: MemberId,
  message: MessageOf<"proposal"> | MessageOf<"inform">,
): void {
  const following = receiveInOrder(zab, from, message);
  if (following === undefined) return;
  if (!following.hasAgreed || message.previousIndex !== zab.log.lastIndex) {
    restartSession(zab, following);
    return;
  }
  for (const entry of message.entries) appendReceived(zab, entry);
  following.ackDue = true;
  learnCommit(zab, message.commitIndex);
}

export function handleCommit(zab: Zab, from: MemberId, message: MessageOf<"commit">): void {
  if (receiveInOrder(zab, from, message) !== undefined) learnCommit(zab, message.commitIndex);
}

/** A follower's turn ends: one ACK for all that came in it, once it is on disk. */
export function acknowledge(zab: Zab): void {
  const { following } = zab;
  if (following?.ackDue !== true) return;
  following.ackDue = false;
  const { leader, session, epoch } = following;
  sendAfterDisk(zab, leader, { kind: "ack", session, epoch, index: zab.log.lastIndex });
}
