// The state of one Zab member, as plain data: every concern (a file each) reads it and changes its own
// part. What must survive a crash is `acceptedEpoch`, `currentEpoch` and the history; the rest is
// rebuilt.
//
// A zxid (epoch, counter) is an entry's (epoch, index). The index counts over all epochs and without
// gaps, so a zxid is compared by epoch first and index second, two histories with the same last zxid
// are the same history, and the length of a history is its last index; counters do not begin anew.

import { assert } from "../assert.ts";
import type {
  CoreOptions,
  Epoch,
  Index,
  MemberId,
  Membership,
  Restored,
  Token,
} from "../contract.ts";
import { type Settings as CommonSettings, settingsOf } from "../core/settings.ts";
import { Entries } from "../entries/entries.ts";
import type { Installing } from "../installing/installing.ts";
import { decodeMembershipEntry } from "../membership/codec.ts";
import { createLogOutbox } from "../outbox/log-writes.ts";
import type { ForwardedReads } from "../reads/forwarded-reads.ts";
import type { ZabState } from "./durable-state.ts";
import type { Following } from "./following.ts";
import type { Leadership } from "./leadership.ts";
import { createLooking, type Looking } from "./looking.ts";
import type { Vote } from "./messages.ts";
import type { Outbox } from "./outbox.ts";

export type ZabRole = "looking" | "following" | "leading";

export interface Settings extends CommonSettings {
  readonly random: () => number;
}

/** A membership takes effect where it stands in the log, committed or not. */
export interface MembershipAt {
  readonly index: Index;
  readonly membership: Membership;
}

/** Leadership that was asked to move. It outlives the role of the one who was asked. */
export interface Transfer {
  readonly to: MemberId;
  readonly token: Token | undefined;
  /** Give leadership up even when the transfer fails. */
  readonly thenStepDown: boolean;
  /** Those that it was in vain to wait for. */
  readonly tried: readonly MemberId[];
  /** What the other one held when the present wait began. */
  readonly matchBefore: Index;
  ticksLeft: number;
}

export interface Zab {
  readonly settings: Settings;
  readonly log: Entries;
  readonly outbox: Outbox;
  acceptedEpoch: Epoch;
  currentEpoch: Epoch;
  /** The same as they are on disk: nothing is acknowledged by what is only in memory. */
  durableAcceptedEpoch: Epoch;
  durableCurrentEpoch: Epoch;
  /** The latest that anybody is known to have accepted: a new one is later than that. */
  epochHeard: Epoch;
  role: ZabRole;
  /** Exactly one of the three is set, by the role. */
  looking: Looking | undefined;
  following: Following | undefined;
  leadership: Leadership | undefined;
  /** The election round, which counts up whenever this member begins to look. */
  round: number;
  /** The vote on which this member acts when it does not look. */
  vote: Vote | undefined;
  /** Ascending by index; the first is in force at the base of the log, the last one now. */
  memberships: MembershipAt[];
  /** Invariant: appliedIndex <= applySentIndex <= min(commitIndex, durableIndex). */
  commitIndex: Index;
  /** Entries up to here are on this member's disk, as they stand in its log. */
  durableIndex: Index;
  applySentIndex: Index;
  appliedIndex: Index;
  /** For so many ticks this member does not offer itself. */
  abstainTicks: number;
  /** Until then no epoch is accepted but from `promisedTo`. Kept only for lease reads. */
  promiseUntilMs: number;
  promisedTo: MemberId | undefined;
  /** May lead: see the input of that name. */
  isFit: boolean;
  nowMs: number;
  transfer: Transfer | undefined;
  /** Asked in this turn, not yet sent to the leader. */
  readsToForward: Token[];
  readonly readsForwarded: Map<number, ForwardedReads>;
  nextReadRequest: number;
  nextSession: number;
  /** A snapshot that is to replace the log and is not in place yet. */
  installing: Installing | undefined;
}

/** Rounds begin above those of the epochs before, so that a member that restarts is heard. */
const roundsPerEpoch = 2 ** 20;

export function createZab(options: CoreOptions, restored: Restored<ZabState>): Zab {
  const settings = { ...settingsOf(options), random: options.random };
  const { base, entries, state } = restored;
  const log = new Entries(base.index, base.epoch, entries);
  const memberships: MembershipAt[] = [{ index: base.index, membership: base.membership }];
  for (const entry of entries) {
    if (entry.kind !== "membership") continue;
    const { membership } = decodeMembershipEntry(entry.payload);
    memberships.push({ index: entry.index, membership });
  }
  assert(restored.applied >= base.index, "what is compacted was applied");
  assert(restored.applied <= log.lastIndex, "what was applied stands in the log");
  // Without a state the history is all there is: a cluster that begins from a snapshot.
  const currentEpoch = state?.currentEpoch ?? log.lastEpoch;
  const acceptedEpoch = Math.max(state?.acceptedEpoch ?? 0, currentEpoch, log.lastEpoch);
  const commit = Math.min(Math.max(state?.commit ?? 0, restored.applied), log.lastIndex);
  // Random, so that an answer meant for the member before its crash matches nothing.
  const nextSession = Math.floor(options.random() * 2 ** 32) * 2 ** 20;
  return {
    settings,
    log,
    outbox: createLogOutbox(acceptedEpoch, log.lastIndex, commit, state !== undefined),
    acceptedEpoch,
    currentEpoch,
    durableAcceptedEpoch: acceptedEpoch,
    durableCurrentEpoch: currentEpoch,
    epochHeard: acceptedEpoch,
    role: "looking",
    looking: createLooking(settings.heartbeatTicks),
    following: undefined,
    leadership: undefined,
    round: acceptedEpoch * roundsPerEpoch,
    vote: undefined,
    memberships,
    commitIndex: commit,
    durableIndex: log.lastIndex,
    applySentIndex: restored.applied,
    appliedIndex: restored.applied,
    abstainTicks: 0,
    // A restart forgets what was promised, so everything is taken as promised: see `step`.
    // Also when it is the only voter: a leader that it voted out may not know yet.
    promiseUntilMs: settings.leaseReads && state !== undefined ? Number.POSITIVE_INFINITY : 0,
    promisedTo: undefined,
    isFit: true,
    nowMs: 0,
    transfer: undefined,
    readsToForward: [],
    readsForwarded: new Map(),
    nextReadRequest: nextSession,
    nextSession,
    installing: undefined,
  };
}

/** The membership in force: the last in the log. */
export function membership(zab: Zab): Membership {
  return zab.memberships[zab.memberships.length - 1]!.membership;
}

/** Where the membership in force stands in the log. */
export function membershipIndex(zab: Zab): Index {
  return zab.memberships[zab.memberships.length - 1]!.index;
}

/** Who leads, as far as a client should know: only a leader that is established serves. */
export function leaderOf(zab: Zab): MemberId | undefined {
  if (zab.leadership?.phase === "broadcast") return zab.settings.id;
  return zab.following?.isEstablished === true ? zab.following.leader : undefined;
}
