// The follower's side of replication (Raft §5.3): accept what follows on from the own log, drop only
// what truly conflicts, acknowledge what is on disk.

import { assert } from "../assert.ts";
import type { MemberId } from "../contract.ts";
import { send, sendAfterDisk } from "../outbox/outbox.ts";
import { learnCommit } from "./commit.ts";
import { appendReceived, truncateFrom } from "./log-writer.ts";
import { hearLeader } from "./loyalty.ts";
import type { MessageOf } from "./messages.ts";
import type { Raft } from "./self.ts";

export function handleAppendRequest(
  raft: Raft,
  from: MemberId,
  message: MessageOf<"appendRequest">,
): void {
  if (!hearLeader(raft, from)) return;
  const { log, commitIndex } = raft;
  const { previousIndex, previousTerm, entries } = message;
  // What is committed agrees with every later leader (leader completeness, Raft §5.4.3).
  if (previousIndex > commitIndex && log.epochAt(previousIndex) !== previousTerm) {
    refuse(raft, from, message);
    return;
  }
  for (const entry of entries) {
    if (entry.index <= log.baseIndex) continue;
    const epoch = log.epochAt(entry.index);
    // Entries that agree are kept, and whatever stands after them too: the message may be an old
    // one, and what it does not name may be acknowledged (corpus: truncate-after-prevlog).
    if (epoch === entry.epoch) continue;
    assert(entry.index > raft.commitIndex, "a leader has every committed entry");
    if (epoch !== undefined) truncateFrom(raft, entry.index);
    appendReceived(raft, entry);
  }
  const lastAgreed = previousIndex + entries.length;
  learnCommit(raft, Math.min(message.commitIndex, lastAgreed));
  const matchIndex = Math.max(lastAgreed, commitIndex);
  sendAfterDisk(raft, from, { kind: "appendResponse", term: raft.term, matchIndex });
}

/**
 * Says where the logs may agree: not further than the last own entry whose term is not past the
 * leader's there. One message per conflicting term instead of one per entry (Raft §5.3, end).
 */
function refuse(raft: Raft, from: MemberId, message: MessageOf<"appendRequest">): void {
  const { log } = raft;
  const { previousIndex, previousTerm } = message;
  const hintIndex = log.lastIndexWithEpochAtMost(previousTerm, previousIndex - 1);
  send(raft, from, {
    kind: "appendRefusal",
    term: raft.term,
    previousIndex,
    hintIndex,
    hintTerm: log.epochAt(hintIndex) ?? 0,
  });
}
