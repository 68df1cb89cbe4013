// The acceptor's side of phase 2 (Paxos Made Simple §2.2, P1a): accept what the promised ballot, or a
// higher one, proposes, slot by slot and in whatever order it comes; acknowledge what is on disk.

import { assert } from "../assert.ts";
import type { MemberId } from "../contract.ts";
import { sendAfterDisk } from "../outbox/outbox.ts";
import { advanceReceived, learnCommit } from "./commit.ts";
import { acceptIn } from "./log-writer.ts";
import { hearLeader } from "./loyalty.ts";
import type { MessageOf } from "./messages.ts";
import { isOfBallot, type Paxos, sameValue } from "./self.ts";

export function handleAcceptRequest(
  paxos: Paxos,
  from: MemberId,
  message: MessageOf<"acceptRequest">,
): void {
  const { ballot, first, entries } = message;
  hearLeader(paxos, ballot);
  const { log } = paxos;
  for (const entry of entries) {
    if (entry.index <= paxos.commitIndex) continue;
    const held = log.at(entry.index);
    if (held !== undefined && isOfBallot(held, ballot)) {
      assert(sameValue(held, entry), "a ballot proposes one value in a slot");
      continue;
    }
    acceptIn(paxos, entry);
  }
  advanceReceived(paxos);
  learnCommit(paxos, message.commitIndex);
  const last = first + entries.length - 1;
  const matchIndex = paxos.receivedIndex;
  sendAfterDisk(paxos, from, { kind: "acceptResponse", ballot, first, last, matchIndex });
}
