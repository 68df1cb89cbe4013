// The only place where the log changes, so that the membership in force, the writes under way and
// the log itself never tell different stories (a membership is rolled back with its entry).

import { assert } from "../assert.ts";
import type { Entry, EntryKind, Index } from "../contract.ts";
import { decodeMembershipEntry } from "../membership/codec.ts";
import { forgetWrites } from "../outbox/log-writes.ts";
import { alignPeers, leadershipOf } from "./leadership.ts";
import { membershipIndex, type Raft } from "./self.ts";

/** The leader's next entry. */
export function appendOwn(raft: Raft, kind: EntryKind, payload: Uint8Array): Entry {
  const leadership = leadershipOf(raft);
  const entry: Entry = {
    index: raft.log.lastIndex + 1,
    epoch: raft.term,
    proposer: "",
    kind,
    payload,
  };
  raft.log.append(entry);
  leadership.uncommittedBytes += payload.length;
  if (kind === "membership") {
    noteMembership(raft, entry);
    alignPeers(raft, leadership, true);
  }
  return entry;
}

/** An entry that the leader sent. */
export function appendReceived(raft: Raft, entry: Entry): void {
  raft.log.append(entry);
  if (entry.kind === "membership") noteMembership(raft, entry);
}

/** Drops what the leader of a later term does not have. Never anything committed. */
export function truncateFrom(raft: Raft, index: Index): void {
  assert(index > raft.commitIndex, "what is committed is never truncated");
  assert(raft.role !== "leader", "a leader only appends (Raft §5.3)");
  raft.log.truncateFrom(index);
  forgetWrites(raft, index);
  while (membershipIndex(raft) >= index) {
    raft.memberships.pop();
    raft.outbox.membershipChanged = true;
  }
}

/** The runtime dropped the log up to here. */
export function compact(raft: Raft, index: Index): void {
  assert(index <= raft.applySentIndex, "only what is applied is compacted");
  raft.appliedIndex = Math.max(raft.appliedIndex, index);
  raft.log.compact(index);
  let kept = raft.memberships.length - 1;
  while (raft.memberships[kept]!.index > raft.log.baseIndex) kept--;
  if (kept > 0) raft.memberships = raft.memberships.slice(kept);
}

function noteMembership(raft: Raft, entry: Entry): void {
  const { membership } = decodeMembershipEntry(entry.payload);
  raft.memberships.push({ index: entry.index, membership });
  raft.outbox.membershipChanged = true;
}
