// What must hold in every state of one member, and between two states of it (Raft figure 3 as far
// as one member can see; the simulator checks the rest across members). Run after every step in
// tests and simulation. Between a crash and the restart, compare nothing.

import type { Index, Violation } from "../contract.ts";
import { checkNotInPlace, checkStandsStill } from "../installing/installing.ts";
import {
  checkKept,
  checkLog,
  checkMarks,
  checkMarksRise,
  checkMemberships,
  checkMembershipsOfLog,
  checkPeers,
  gather,
  type Must,
} from "../invariants/invariants.ts";
import { sameMembership } from "../membership/membership.ts";
import type { RaftInspection } from "./inspect.ts";

export function checkInvariants(inspected: object): Violation[] {
  const state = inspected as RaftInspection;
  return gather(state.id, (must) => {
    checkLog(state, { atBase: state.baseTerm, known: state.term }, must);
    checkMarks(state, must);
    checkNotInPlace(state, must);
    checkMemberships(state, must);
    const uncommitted = checkMembershipsOfLog(state, must);
    must(uncommitted <= 1, "one-change-at-a-time", `${uncommitted} are not committed`);
    checkRole(state, must);
  });
}

export function checkDelta(previousInspected: object, nextInspected: object): Violation[] {
  const previous = previousInspected as RaftInspection;
  const next = nextInspected as RaftInspection;
  return gather(next.id, (must) => {
    must(next.term >= previous.term, "term-monotonic", `${previous.term} -> ${next.term}`);
    checkMarksRise(previous, next, must);
    checkStandsStill(previous, next, must);
    const sameTerm = next.term === previous.term;
    if (sameTerm) {
      const kept = previous.vote === "" || previous.vote === next.vote;
      must(kept, "one-vote-per-term", `${previous.vote} -> ${next.vote} in term ${next.term}`);
      const both = previous.leader !== undefined && next.leader !== undefined;
      must(
        !both || previous.leader === next.leader,
        "one-leader-per-term",
        `${previous.leader} -> ${next.leader} in term ${next.term}`,
      );
    }
    const stillLeads = sameTerm && previous.role === "leader" && next.role === "leader";
    checkKept(previous, next, stillLeads ? lastIndexOf(previous) : previous.commitIndex, must);
  });
}

function lastIndexOf({ baseIndex, entries }: RaftInspection): Index {
  return baseIndex + entries.length;
}

function checkRole(state: RaftInspection, must: Must): void {
  const { id, role, peers, termStartIndex, commitIndex } = state;
  const current = state.memberships[state.memberships.length - 1]?.membership;
  if (role === "leader" || role === "candidate") {
    must(state.vote === id, "votes-for-itself", `${role} voted for "${state.vote}"`);
  }
  if (role === "candidate" || role === "preCandidate") {
    must(state.leader === undefined, "candidate-has-no-leader", `${state.leader}`);
    const isWhole = state.installingAt === undefined;
    must(isWhole, "log-whole-to-campaign", "campaigns while it installs a snapshot");
  }
  if (role !== "leader") {
    must(state.leader !== id, "leader-is-leader", `a ${role} calls itself leader`);
    must(peers.length === 0, "only-leaders-track", `a ${role} tracks peers`);
    return;
  }
  must(state.leader === id, "leader-is-leader", `leader calls ${state.leader} leader`);
  must(termStartIndex !== undefined, "term-has-start", "no no-op");
  checkPeers(id, peers, { lastIndex: lastIndexOf(state), membership: current }, must);
  if (current === undefined) return;
  if (termStartIndex !== undefined && commitIndex >= termStartIndex) {
    must(state.uncommittedBytes >= 0, "uncommitted-counted", `${state.uncommittedBytes}`);
  }
  const base = state.memberships[0];
  if (base !== undefined && state.memberships.length === 1) {
    must(sameMembership(base.membership, current), "membership-in-force", "not the base's");
  }
}
