// The state of one Multi-Paxos member, as plain data: every concern (a file each) reads it and changes
// its own part. What must survive a crash is the promised ballot and what was accepted in each slot.

import { assert } from "../assert.ts";
import type {
  CoreOptions,
  Entry,
  Epoch,
  Index,
  MemberId,
  Membership,
  Restored,
  Token,
} from "../contract.ts";
import { type Settings as CommonSettings, settingsOf } from "../core/settings.ts";
import type { Installing } from "../installing/installing.ts";
import { decodeMembershipEntry } from "../membership/codec.ts";
import type { ForwardedReads } from "../reads/forwarded-reads.ts";
import { type Ballot, compareBallots, noBallot } from "../synod/ballot.ts";
import { ElectionTimer } from "../timer/election-timer.ts";
import type { PaxosState } from "./durable-state.ts";
import type { Leadership } from "./leadership.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import type { Preparation } from "./preparation.ts";
import { majorities, type QuorumSizes, sameQuorums, whyQuorumsUnfit } from "./quorums.ts";
import { Slots } from "./slots.ts";

export type PaxosRole = "follower" | "canvasser" | "candidate" | "leader";

export interface Settings extends CommonSettings {
  readonly quorums: QuorumSizes;
}

/** A membership governs the slots after the one in which it was chosen. */
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
  ticksLeft: number;
  takeOverSent: boolean;
}

export interface Paxos {
  readonly settings: Settings;
  readonly timer: ElectionTimer;
  readonly log: Slots;
  readonly outbox: Outbox;
  /** Nothing of a lower ballot is accepted any more. A leader's and a candidate's own. */
  promised: Ballot;
  /** Of any ballot that was heard of: the next own one is higher. */
  highestRound: Epoch;
  role: PaxosRole;
  leader: MemberId | undefined;
  /** Phase 1 of the own ballot: of a candidate, and of a leader for voters that come later. */
  preparation: Preparation | undefined;
  /** Exactly while the role is leader. */
  leadership: Leadership | undefined;
  /** Ascending by index, all chosen; the first is in force at the base of the log, the last now. */
  memberships: MembershipAt[];
  /**
   * Every slot up to here is known to be chosen, and held.
   * Invariant: appliedIndex <= applySentIndex <= min(commitIndex, durableIndex).
   */
  commitIndex: Index;
  /** As the leader of `promised` said; what this member holds of it may be less. */
  toldIndex: Index;
  /** Every slot up to here is held, under `promised` or known to be chosen. */
  receivedIndex: Index;
  /** Every slot up to here is on this member's disk, under whatever ballot. */
  durableIndex: Index;
  /** Writes up to this one are on disk. */
  durableSequence: number;
  applySentIndex: Index;
  appliedIndex: Index;
  ticksSinceHeard: number;
  /** The leader's connection broke and nothing was heard from it since. */
  leaderHungUp: boolean;
  /** Until then this member helps nobody to lead but `promisedTo`. Kept only for lease reads. */
  promiseUntilMs: number;
  /** Undefined after a restart: then it is not known who it was. */
  promisedTo: MemberId | undefined;
  /** May lead: see the input of that name. */
  isFit: boolean;
  nowMs: number;
  /** Answers in the canvass under way. */
  readonly votes: Map<MemberId, boolean>;
  /** Ticks since this member began to canvass. */
  ticksCampaigning: number;
  /** Ballots that this member prepared since it last knew a leader. */
  attempts: number;
  transfer: Transfer | undefined;
  /** Asked in this turn, not yet sent to the leader. */
  readsToForward: Token[];
  readonly readsForwarded: Map<number, ForwardedReads>;
  nextReadRequest: number;
  /** A snapshot that takes the place of the chosen prefix and is not in place yet. */
  installing: Installing | undefined;
  /** Members to which this one streams a snapshot, leader or not. */
  readonly streaming: Set<MemberId>;
}

export function createPaxos(options: CoreOptions, restored: Restored<PaxosState>): Paxos {
  const settings = { ...settingsOf(options), quorums: quorumsOf(options) };
  const { base, entries, state } = restored;
  const log = new Slots(base.index, entries);
  assert(restored.applied >= base.index, "what is compacted was applied");
  // A slot may be ahead of the state when a crash left a prefix of the last write.
  let promised = state === undefined ? noBallot : { round: state.round, proposer: state.proposer };
  for (const entry of entries) promised = higher(promised, ballotOf(entry));
  const commit = Math.max(state?.commit ?? 0, restored.applied);
  const memberships: MembershipAt[] = [{ index: base.index, membership: base.membership }];
  let durable = base.index;
  for (const entry of entries) {
    if (entry.index === durable + 1) durable = entry.index;
    if (entry.kind !== "membership" || entry.index > commit) continue;
    const { membership } = decodeMembershipEntry(entry.payload);
    memberships.push({ index: entry.index, membership });
  }
  assert(commit <= durable, "what is known to be chosen is held");
  if (state !== undefined) {
    const before = { prepare: state.prepareQuorum, accept: state.acceptQuorum };
    assert(
      sameQuorums(before, settings.quorums),
      "the sizes of quorums stay as they were when the cluster was founded",
    );
  }
  const current = memberships[memberships.length - 1]!.membership;
  const why = whyQuorumsUnfit(settings.quorums, current);
  assert(why === "", why);
  const timer = new ElectionTimer(settings.electionTicks, options.random);
  const { voters, votersOutgoing } = current;
  const isAlone = voters.length === 1 && voters[0] === settings.id && votersOutgoing.length === 0;
  if (isAlone) timer.hurry(0);
  return {
    settings,
    timer,
    log,
    outbox: createOutbox(promised.round, commit, state !== undefined),
    promised,
    highestRound: promised.round,
    role: "follower",
    leader: undefined,
    preparation: undefined,
    leadership: undefined,
    memberships,
    commitIndex: commit,
    toldIndex: commit,
    receivedIndex: commit,
    durableIndex: durable,
    durableSequence: 0,
    applySentIndex: restored.applied,
    appliedIndex: restored.applied,
    ticksSinceHeard: 0,
    leaderHungUp: false,
    // A restart forgets what was granted, so everything is taken as granted: see `step`.
    // Also when it is the only voter: a leader that it voted out may not know yet.
    promiseUntilMs: settings.leaseReads && state !== undefined ? Number.POSITIVE_INFINITY : 0,
    promisedTo: undefined,
    isFit: true,
    nowMs: 0,
    votes: new Map(),
    ticksCampaigning: 0,
    attempts: 0,
    transfer: undefined,
    readsToForward: [],
    readsForwarded: new Map(),
    // Random, so that an answer meant for the member before its crash matches nothing.
    nextReadRequest: Math.floor(options.random() * 2 ** 32) * 2 ** 20,
    installing: undefined,
    streaming: new Set(),
  };
}

/** The ballot under which an entry was accepted. */
export function ballotOf(entry: Entry): Ballot {
  return { round: entry.epoch, proposer: entry.proposer };
}

export function isOfBallot(entry: Entry, ballot: Ballot): boolean {
  return entry.epoch === ballot.round && entry.proposer === ballot.proposer;
}

/** The same value under another ballot. */
export function atBallot(entry: Entry, ballot: Ballot): Entry {
  if (isOfBallot(entry, ballot)) return entry;
  return { ...entry, epoch: ballot.round, proposer: ballot.proposer };
}

/** The same value, under whatever ballots. */
export function sameValue(one: Entry, other: Entry): boolean {
  if (one.payload === other.payload) return one.kind === other.kind;
  if (one.kind !== other.kind || one.payload.length !== other.payload.length) return false;
  return one.payload.every((byte, place) => byte === other.payload[place]);
}

function higher(one: Ballot, other: Ballot): Ballot {
  return compareBallots(one, other) >= 0 ? one : other;
}

/** The membership that governs the first slot not known to be chosen. */
export function membership(paxos: Paxos): Membership {
  return paxos.memberships[paxos.memberships.length - 1]!.membership;
}

/** Where the membership in force was chosen. */
export function membershipIndex(paxos: Paxos): Index {
  return paxos.memberships[paxos.memberships.length - 1]!.index;
}

function quorumsOf(options: CoreOptions): QuorumSizes {
  const quorums = options.paxosQuorums ?? majorities;
  for (const size of [quorums.prepare, quorums.accept]) {
    assert(Number.isSafeInteger(size) && size >= 0, "the size of a quorum is an integer >= 0");
  }
  return quorums;
}
