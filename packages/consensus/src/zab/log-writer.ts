// The only place where the log changes, so that the membership in force, the writes under way and
// the log itself never tell different stories (a membership is rolled back with its entry).

import { assert } from "../assert.ts";
import type { Entry, EntryKind, Index } from "../contract.ts";
import { decodeMembershipEntry } from "../membership/codec.ts";
import { forgetWrites } from "../outbox/log-writes.ts";
import { alignPeers, leadershipOf } from "./leadership.ts";
import { membershipIndex, type Zab } from "./self.ts";

/** The leader's next entry. */
export function appendOwn(zab: Zab, kind: EntryKind, payload: Uint8Array): Entry {
  const leadership = leadershipOf(zab);
  const entry: Entry = {
    index: zab.log.lastIndex + 1,
    epoch: leadership.epoch,
    proposer: "",
    kind,
    payload,
  };
  zab.log.append(entry);
  leadership.uncommittedBytes += payload.length;
  if (kind === "membership") {
    noteMembership(zab, entry);
    alignPeers(zab, leadership, true);
  }
  return entry;
}

/** An entry that the leader sent. */
export function appendReceived(zab: Zab, entry: Entry): void {
  zab.log.append(entry);
  if (entry.kind === "membership") noteMembership(zab, entry);
}

/** Drops what the leader of a later epoch does not have. Never anything committed. */
export function truncateFrom(zab: Zab, index: Index): void {
  assert(index > zab.commitIndex, "what is committed is never truncated");
  assert(zab.role === "following", "a leader only appends");
  zab.log.truncateFrom(index);
  forgetWrites(zab, index);
  while (membershipIndex(zab) >= index) {
    zab.memberships.pop();
    zab.outbox.membershipChanged = true;
  }
}

/** The runtime dropped the log up to here. */
export function compact(zab: Zab, index: Index): void {
  assert(index <= zab.applySentIndex, "only what is applied is compacted");
  zab.appliedIndex = Math.max(zab.appliedIndex, index);
  zab.log.compact(index);
  let kept = zab.memberships.length - 1;
  while (zab.memberships[kept]!.index > zab.log.baseIndex) kept--;
  if (kept > 0) zab.memberships = zab.memberships.slice(kept);
}

function noteMembership(zab: Zab, entry: Entry): void {
  const { membership } = decodeMembershipEntry(entry.payload);
  zab.memberships.push({ index: entry.index, membership });
  zab.outbox.membershipChanged = true;
}
