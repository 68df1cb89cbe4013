// What must hold in every state of one member, and between two states of it (Paxos Made Simple §2.2,
// P1a and P2c, as far as one member can see; the simulator checks the rest across members). Run after
// every step in tests and simulation. Between a crash and the restart, compare nothing.

import type { Entry, Violation } from "../contract.ts";
import { checkNotInPlace, checkStandsStill } from "../installing/installing.ts";
import {
  checkMarks,
  checkMarksRise,
  checkMemberships,
  checkPeers,
  gather,
  type Must,
} from "../invariants/invariants.ts";
import { sameMembership } from "../membership/membership.ts";
import { compareBallots, describeBallot } from "../synod/ballot.ts";
import type { PaxosInspection } from "./inspect.ts";
import { prepareVerdict, whyQuorumsUnfit } from "./quorums.ts";
import { ballotOf, isOfBallot, sameValue } from "./self.ts";

export function checkInvariants(inspected: object): Violation[] {
  const state = inspected as PaxosInspection;
  return gather(state.id, (must) => {
    checkSlots(state, must);
    checkMarks(state, must);
    checkNotInPlace(state, must);
    checkMemberships(state, must);
    checkMembershipsChosen(state, must);
    checkRole(state, must);
  });
}

export function checkDelta(previousInspected: object, nextInspected: object): Violation[] {
  const previous = previousInspected as PaxosInspection;
  const next = nextInspected as PaxosInspection;
  return gather(next.id, (must) => {
    const order = compareBallots(next.promised, previous.promised);
    const ballots = `${describeBallot(previous.promised)} -> ${describeBallot(next.promised)}`;
    must(order >= 0, "promise-monotonic", ballots);
    checkMarksRise(previous, next, must);
    checkStandsStill(previous, next, must);
    const beganToLead = next.role === "leader" && previous.role !== "leader";
    must(!beganToLead || next.promised.proposer === next.id, "leads-by-own-ballot", ballots);
    const becameCandidate = next.role === "candidate" && previous.role !== "candidate";
    must(!becameCandidate || order > 0, "ballot-never-reused", ballots);
    checkKept(previous, next, must);
  });
}

function checkSlots(state: PaxosInspection, must: Must): void {
  const { baseIndex, commitIndex, durableIndex, promised } = state;
  let index = baseIndex;
  let whole = baseIndex;
  for (const entry of state.entries) {
    must(entry.index > index, "slots-ascend", `slot ${entry.index} after ${index}`);
    index = entry.index;
    if (index === whole + 1) whole = index;
    const ballot = ballotOf(entry);
    const isPromised = compareBallots(ballot, promised) <= 0;
    must(isPromised, "accepted-within-promise", `${describeBallot(ballot)} in slot ${index}`);
  }
  must(commitIndex <= whole, "commit-held", `commit ${commitIndex} > ${whole}`);
  must(durableIndex <= whole, "durable-held", `durable ${durableIndex} > ${whole}`);
  must(state.receivedIndex <= whole, "received-held", `${state.receivedIndex} > ${whole}`);
  must(state.receivedIndex >= commitIndex, "commit-received", `${state.receivedIndex}`);
  for (const entry of state.entries) {
    if (entry.index <= commitIndex || entry.index > state.receivedIndex) continue;
    const isOwn = isOfBallot(entry, promised);
    must(isOwn, "received-of-ballot", `slot ${entry.index} is of another ballot`);
  }
}

/** What is chosen stands; what was accepted gives way to higher ballots only (P1a). */
function checkKept(previous: PaxosInspection, next: PaxosInspection, must: Must): void {
  let place = 0;
  for (const before of previous.entries) {
    if (before.index <= next.baseIndex) continue;
    let after: Entry | undefined = next.entries[place];
    while (after !== undefined && after.index < before.index) after = next.entries[++place];
    if (after === before) continue;
    if (after === undefined || after.index !== before.index) {
      must(false, "accepted-stays", `slot ${before.index} is empty`);
      continue;
    }
    const order = compareBallots(ballotOf(after), ballotOf(before));
    const what = `slot ${before.index}`;
    must(order >= 0, "accepted-monotonic", `${what} went back to a lower ballot`);
    must(order !== 0 || sameValue(before, after), "one-value-per-ballot", `${what} changed`);
    const wasChosen = before.index <= previous.commitIndex;
    must(!wasChosen || sameValue(before, after), "chosen-stands", `${what} changed`);
  }
}

function checkMembershipsChosen(state: PaxosInspection, must: Must): void {
  for (const { membership } of state.memberships) {
    const why = whyQuorumsUnfit(state.quorums, membership);
    must(why === "", "membership-valid", why);
  }
  // A membership is in force once it is chosen, not before.
  const known = state.memberships.filter((at) => at.index > state.baseIndex).map((at) => at.index);
  const chosen = state.entries
    .filter((entry) => entry.kind === "membership" && entry.index <= state.commitIndex)
    .map((entry) => entry.index);
  must(
    known.join() === chosen.join(),
    "memberships-are-the-chosen",
    `known at ${known.join()}, chosen at ${chosen.join()}`,
  );
}

function checkRole(state: PaxosInspection, must: Must): void {
  const { id, role, peers, promised, commitIndex, nextSlot, barrier } = state;
  const current = state.memberships[state.memberships.length - 1]?.membership;
  if (role === "leader" || role === "candidate") {
    must(promised.proposer === id, "own-ballot", `${role} of ${describeBallot(promised)}`);
  }
  if (role === "candidate" || role === "canvasser") {
    must(state.leader === undefined, "candidate-has-no-leader", `${state.leader}`);
  }
  const firstOpen = nextSlot ?? commitIndex + 1;
  for (const entry of promised.proposer === id ? state.entries : []) {
    const isEarly = entry.index >= firstOpen && isOfBallot(entry, promised);
    const isProposer = role === "leader" || role === "candidate";
    must(!isProposer || !isEarly, "held-was-proposed", `slot ${entry.index}, next ${firstOpen}`);
  }
  if (role !== "leader") {
    must(state.leader !== id, "leader-is-leader", `a ${role} calls itself leader`);
    must(peers.length === 0, "only-leaders-track", `a ${role} tracks peers`);
    return;
  }
  must(state.leader === id, "leader-is-leader", `leader calls ${state.leader} leader`);
  const isWhole = state.installingAt === undefined;
  must(isWhole, "leader-holds-the-chosen", "leads while it installs a snapshot");
  if (nextSlot === undefined || current === undefined) return;
  const { lacksUpTo = 0, recoveredUpTo = 0 } = state;
  must(lacksUpTo < nextSlot, "leader-has-what-it-proposes", `lacks ${lacksUpTo}`);
  for (const { index } of state.found) {
    const isAhead = index >= nextSlot && index <= recoveredUpTo;
    must(isAhead, "found-is-ahead", `slot ${index}, next ${nextSlot}, to ${recoveredUpTo}`);
  }
  must(nextSlot > commitIndex, "commit-proposed", `commit ${commitIndex}, next ${nextSlot}`);
  // P2c asks for it, and for the voters that govern the slot: those of the membership in force.
  const promises = new Map(state.promisedBy.map((member) => [member, true]));
  const isPrepared = prepareVerdict(state.quorums, current, promises) === "won";
  const isOpen = nextSlot - 1 > commitIndex;
  must(!isOpen || isPrepared, "proposes-when-prepared", `promised by ${state.promisedBy.join()}`);
  for (const entry of state.entries) {
    if (entry.index <= commitIndex || entry.index >= nextSlot) continue;
    must(isOfBallot(entry, promised), "proposed-by-own-ballot", `slot ${entry.index}`);
    const isLast = entry.index === nextSlot - 1;
    const blocks = entry.kind === "membership";
    must(!blocks || isLast, "nothing-beyond-a-membership", `slots to ${nextSlot - 1}`);
    must(!blocks || barrier === entry.index, "barrier-known", `${barrier}, not ${entry.index}`);
  }
  checkPeers(id, peers, { lastIndex: nextSlot - 1, membership: current }, must);
  must(state.uncommittedBytes >= 0, "uncommitted-counted", `${state.uncommittedBytes}`);
  const base = state.memberships[0];
  if (base !== undefined && state.memberships.length === 1) {
    must(sameMembership(base.membership, current), "membership-in-force", "not the base's");
  }
}
