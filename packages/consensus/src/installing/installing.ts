// What installing a snapshot forbids, for all three protocols.
//
// A member installs from the moment its core asks the runtime for it until both the store and the log on
// its disk are the snapshot. A crash or a full disk in between brings back the log as it was. So until
// then the member is what its disk is: the old log, and what of it is known to be committed. It
//
// - takes nothing into its log, which is about to be replaced, and so acknowledges nothing new;
// - learns of no commit: the snapshot's point is committed, but what the disk holds there need not be;
// - applies nothing, because the store is about to be replaced, and streams that store to nobody;
// - begins no attempt to lead, and takes no leadership that is handed to it.
//
// It goes on hearing its leader and says that it does. It votes, promises and tells of its history by
// the log that is on its disk, and it writes what it promised. The receive door of each protocol has a
// row for a member that installs, and nothing else decides what becomes of a message meanwhile.

import { assert } from "../assert.ts";
import type { Epoch, Index, LogPoint, MemberId, Membership, Protocol } from "../contract.ts";
import type { Entries } from "../entries/entries.ts";
import type { Must } from "../invariants/invariants.ts";
import { forgetLog, type LogOutbox } from "../outbox/log-writes.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { PaxosState } from "../paxos/durable-state.ts";

export interface Installing {
  readonly from: MemberId;
  readonly point: LogPoint;
}

/** A core's state, as far as installing goes. */
interface Member {
  readonly outbox: Outbox<unknown, unknown>;
  readonly commitIndex: Index;
  installing: Installing | undefined;
}

/** What a leader holds is of its own epoch or an earlier one. Whatever says otherwise is not its store. */
export function isOfStream(epoch: Epoch, point: LogPoint): boolean {
  return point.epoch <= epoch;
}

/** From here on the rule above holds. */
export function beginInstalling(self: Member, from: MemberId, point: LogPoint): void {
  assert(self.installing === undefined, "one snapshot is installed at a time");
  assert(point.index > self.commitIndex, "what is committed here is not installed again");
  self.installing = { from, point };
  self.outbox.snapshots.push({ kind: "installSnapshot", from, point });
}

/** Store and log are the snapshot: the rule above holds no more. Undefined when another was asked for. */
export function endInstalling(self: Member, point: LogPoint): Installing | undefined {
  const { installing } = self;
  if (installing?.point.index !== point.index) return undefined;
  self.installing = undefined;
  return installing;
}

/**
 * The log begins anew after the point. The point is committed, so what was in this log after it is in no
 * leader's, and what this member acknowledged before it is in the snapshot.
 */
export function replaceLog(
  self: {
    readonly outbox: LogOutbox<unknown, unknown>;
    readonly log: Entries;
    memberships: readonly { readonly index: Index; readonly membership: Membership }[];
    commitIndex: Index;
    durableIndex: Index;
    applySentIndex: Index;
    appliedIndex: Index;
  },
  { index, epoch, membership }: LogPoint,
): void {
  self.log.reset(index, epoch);
  forgetLog(self, index);
  self.memberships = [{ index, membership }];
  self.outbox.membershipChanged = true;
  self.commitIndex = index;
  self.durableIndex = index;
  self.applySentIndex = index;
  self.appliedIndex = index;
}

/**
 * Paxos keeps what it accepted in slots after a snapshot's point: each slot is a promise of its own.
 * Elsewhere a log that has to be replaced is of a history that never was committed.
 */
export function keepsLogAfterSnapshot({ name }: Pick<Protocol, "name">): boolean {
  return name === "paxos";
}

/** A snapshot of Paxos holds what is chosen, whoever sends it; elsewhere only a leader's is taken. */
export function takesSnapshotsOfAnybody({ name }: Pick<Protocol, "name">): boolean {
  return name === "paxos";
}

/**
 * After a crash: whether the store may be a snapshot that the log did not lead to, although the log holds
 * an entry of the same ballot there. Then what it holds before that need not have been chosen. Where logs
 * have no gaps the same epoch at the point says that all before it is the same, and is never installed.
 */
export function wasInstalling(
  { name }: Pick<Protocol, "name">,
  state: unknown,
  at: Index,
): boolean {
  return name === "paxos" && (state as PaxosState | undefined)?.installing === at;
}

interface Inspected {
  /** The point of the snapshot that is being installed. */
  readonly installingAt: Index | undefined;
  readonly baseIndex: Index;
  readonly commitIndex: Index;
  readonly applySentIndex: Index;
  readonly entries: readonly { readonly index: Index; readonly epoch: Epoch }[];
}

/** As far as one state shows it: what is being installed is not in place, and not known to be. */
export function checkNotInPlace(state: Inspected, must: Must): void {
  const { installingAt, commitIndex, baseIndex } = state;
  if (installingAt === undefined) return;
  must(commitIndex < installingAt, "installing-is-not-committed", `${commitIndex}`);
  must(baseIndex < installingAt, "installing-is-not-in-log", `log after ${baseIndex}`);
}

/** As far as two states show it. */
export function checkStandsStill(previous: Inspected, next: Inspected, must: Must): void {
  if (previous.installingAt === undefined || next.installingAt !== previous.installingAt) return;
  const learned = `${previous.commitIndex} -> ${next.commitIndex}`;
  must(next.commitIndex === previous.commitIndex, "installing-learns-nothing", learned);
  const applied = `${previous.applySentIndex} -> ${next.applySentIndex}`;
  must(next.applySentIndex === previous.applySentIndex, "installing-applies-nothing", applied);
  // What was compacted meanwhile is gone from the front of the list only.
  const before = previous.entries.filter(({ index }) => index > next.baseIndex);
  const stands =
    before.length === next.entries.length &&
    before.every((entry, place) => entry === next.entries[place]);
  must(stands, "installing-takes-nothing", "the log changed");
}
