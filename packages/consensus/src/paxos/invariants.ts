// What must hold in every state of one member, and between two states of it (Paxos Made Simple §2.2,
// P1a and P2c, as far as one member can see; the simulator checks the rest across members). Run after
// every step in tests and simulation. Between a crash and the restart, compare nothing.

import type { Entry, Violation } from "../contract.ts";
import { isVoter, sameMembership, whyInvalid } from "../membership/membership.ts";
import { compareBallots, describeBallot } from "../synod/ballot.ts";
import { sameValue } from "./commit.ts";
import type { PaxosInspection } from "./inspect.ts";
import { prepareVerdict, whyQuorumsUnfit } from "./quorums.ts";
import { ballotOf, isOfBallot } from "./self.ts";

type Must = (holds: boolean, property: string, detail: string) => void;

export function checkInvariants(inspected: object): Violation[] {
  const state = inspected as PaxosInspection;
  const found: Violation[] = [];
  const must = (holds: boolean, property: string, detail: string) => {
    if (!holds) found.push({ property, detail: `${state.id}: ${detail}` });
  };
  checkSlots(state, must);
  const { commitIndex, durableIndex, applySentIndex, appliedIndex, baseIndex } = state;
  if (!state.isInstalling) {
    const limit = Math.min(commitIndex, durableIndex);
    must(applySentIndex <= limit, "apply-committed-durable", `${applySentIndex} > ${limit}`);
    must(appliedIndex <= applySentIndex, "applied-was-sent", `${appliedIndex} > ${applySentIndex}`);
    must(baseIndex <= appliedIndex, "compacted-was-applied", `${baseIndex} > ${appliedIndex}`);
  }
  checkMemberships(state, must);
  checkRole(state, must);
  return found;
}

export function checkDelta(previousInspected: object, nextInspected: object): Violation[] {
  const previous = previousInspected as PaxosInspection;
  const next = nextInspected as PaxosInspection;
  const found: Violation[] = [];
  const must = (holds: boolean, property: string, detail: string) => {
    if (!holds) found.push({ property, detail: `${next.id}: ${detail}` });
  };
  const order = compareBallots(next.promised, previous.promised);
  const ballots = `${describeBallot(previous.promised)} -> ${describeBallot(next.promised)}`;
  must(order >= 0, "promise-monotonic", ballots);
  must(
    next.commitIndex >= previous.commitIndex,
    "commit-monotonic",
    `${previous.commitIndex} -> ${next.commitIndex}`,
  );
  must(next.applySentIndex >= previous.applySentIndex, "apply-monotonic", "applied again");
  must(next.baseIndex >= previous.baseIndex, "base-monotonic", "the log grew backwards");
  const beganToLead = next.role === "leader" && previous.role !== "leader";
  must(!beganToLead || next.promised.proposer === next.id, "leads-by-own-ballot", ballots);
  const becameCandidate = next.role === "candidate" && previous.role !== "candidate";
  must(!becameCandidate || order > 0, "ballot-never-reused", ballots);
  checkKept(previous, next, must);
  return found;
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

function checkMemberships(state: PaxosInspection, must: Must): void {
  let index = -1;
  for (const at of state.memberships) {
    must(at.index > index, "memberships-ascend", `${at.index} after ${index}`);
    index = at.index;
    const why = whyInvalid(at.membership) || whyQuorumsUnfit(state.quorums, at.membership);
    must(why === "", "membership-valid", why);
  }
  const first = state.memberships[0];
  must(first !== undefined && first.index <= state.baseIndex, "membership-at-base", "none");
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
  if (role !== "leader") {
    must(state.leader !== id, "leader-is-leader", `a ${role} calls itself leader`);
    must(peers.length === 0, "only-leaders-track", `a ${role} tracks peers`);
    return;
  }
  must(state.leader === id, "leader-is-leader", `leader calls ${state.leader} leader`);
  must(!state.isInstalling, "leader-holds-the-chosen", "leads while it installs a snapshot");
  if (nextSlot === undefined || current === undefined) return;
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
  for (const peer of peers) {
    must(peer.match < peer.next, "match-before-next", `${peer.id}: ${peer.match} >= ${peer.next}`);
    must(peer.match < nextSlot, "match-proposed", `${peer.id}: ${peer.match} >= ${nextSlot}`);
  }
  must(state.uncommittedBytes >= 0, "uncommitted-counted", `${state.uncommittedBytes}`);
  const isFed = (member: string) => member === id || peers.some((peer) => peer.id === member);
  const members = [...current.voters, ...current.votersOutgoing, ...current.learners];
  must(members.every(isFed), "members-are-fed", `some of ${members.join()} are not`);
  const strangers = peers.filter(
    (peer) => !isVoter(current, peer.id) && !current.learners.includes(peer.id),
  );
  must(strangers.length === 0, "strangers-are-not-fed", strangers.map((p) => p.id).join());
  const base = state.memberships[0];
  if (base !== undefined && state.memberships.length === 1) {
    must(sameMembership(base.membership, current), "membership-in-force", "not the base's");
  }
}
