// What must hold in every state of one member, and between two states of it (Raft figure 3 as far
// as one member can see; the simulator checks the rest across members). Run after every step in
// tests and simulation. Between a crash and the restart, compare nothing.

import type { Violation } from "../contract.ts";
import { isVoter, sameMembership, whyInvalid } from "../membership/membership.ts";
import type { RaftInspection } from "./inspect.ts";

export function checkInvariants(inspected: object): Violation[] {
  const state = inspected as RaftInspection;
  const found: Violation[] = [];
  const must = (holds: boolean, property: string, detail: string) => {
    if (!holds) found.push({ property, detail: `${state.id}: ${detail}` });
  };
  checkLog(state, must);
  const { commitIndex, durableIndex, applySentIndex, appliedIndex, baseIndex } = state;
  const lastIndex = baseIndex + state.entries.length;
  must(commitIndex <= lastIndex, "commit-in-log", `commit ${commitIndex} > last ${lastIndex}`);
  must(durableIndex <= lastIndex, "durable-in-log", `durable ${durableIndex} > last ${lastIndex}`);
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
  const previous = previousInspected as RaftInspection;
  const next = nextInspected as RaftInspection;
  const found: Violation[] = [];
  const must = (holds: boolean, property: string, detail: string) => {
    if (!holds) found.push({ property, detail: `${next.id}: ${detail}` });
  };
  must(next.term >= previous.term, "term-monotonic", `${previous.term} -> ${next.term}`);
  must(
    next.commitIndex >= previous.commitIndex,
    "commit-monotonic",
    `${previous.commitIndex} -> ${next.commitIndex}`,
  );
  must(next.applySentIndex >= previous.applySentIndex, "apply-monotonic", "applied again");
  must(next.baseIndex >= previous.baseIndex, "base-monotonic", "the log grew backwards");
  if (next.term === previous.term) {
    const kept = previous.vote === "" || previous.vote === next.vote;
    must(kept, "one-vote-per-term", `${previous.vote} -> ${next.vote} in term ${next.term}`);
    const both = previous.leader !== undefined && next.leader !== undefined;
    must(
      !both || previous.leader === next.leader,
      "one-leader-per-term",
      `${previous.leader} -> ${next.leader} in term ${next.term}`,
    );
  }
  const stillLeads =
    previous.role === "leader" && next.role === "leader" && previous.term === next.term;
  const lastIndex = previous.baseIndex + previous.entries.length;
  checkKept(previous, next, stillLeads ? lastIndex : previous.commitIndex, must);
  return found;
}

type Must = (holds: boolean, property: string, detail: string) => void;

function checkLog(state: RaftInspection, must: Must): void {
  let index = state.baseIndex;
  let term = state.baseTerm;
  for (const entry of state.entries) {
    index++;
    must(entry.index === index, "log-gapless", `entry ${entry.index} stands at ${index}`);
    must(entry.epoch >= term, "log-terms-ascend", `${entry.epoch} after ${term} at ${index}`);
    term = entry.epoch;
  }
  must(term <= state.term, "log-term-known", `log ends in term ${term} > ${state.term}`);
}

/** What was committed, or in a leader's log at all, stands as it stood. */
function checkKept(previous: RaftInspection, next: RaftInspection, upTo: number, must: Must): void {
  const first = Math.max(previous.baseIndex, next.baseIndex) + 1;
  const shift = previous.baseIndex - next.baseIndex;
  for (let index = first; index <= upTo; index++) {
    const place = index - previous.baseIndex - 1;
    const before = previous.entries[place];
    const after = next.entries[place + shift];
    if (before === after) continue;
    const same = before !== undefined && after?.epoch === before.epoch;
    must(same, "committed-or-led-entries-stand", `entry ${index} changed`);
  }
}

function checkMemberships(state: RaftInspection, must: Must): void {
  let index = -1;
  for (const at of state.memberships) {
    must(at.index > index, "memberships-ascend", `${at.index} after ${index}`);
    index = at.index;
    const why = whyInvalid(at.membership);
    must(why === "", "membership-valid", why);
  }
  const first = state.memberships[0];
  must(first !== undefined && first.index <= state.baseIndex, "membership-at-base", "none");
  // The membership in force is the last in the log, and rolled back with it.
  const known = state.memberships.filter((at) => at.index > state.baseIndex).map((at) => at.index);
  const inLog = state.entries.filter((entry) => entry.kind === "membership").map((e) => e.index);
  must(
    known.join() === inLog.join(),
    "memberships-are-the-logs",
    `known at ${known.join()}, in the log at ${inLog.join()}`,
  );
  const uncommitted = inLog.filter((at) => at > state.commitIndex).length;
  must(uncommitted <= 1, "one-change-at-a-time", `${uncommitted} are not committed`);
}

function checkRole(state: RaftInspection, must: Must): void {
  const { id, role, peers, termStartIndex, commitIndex } = state;
  const current = state.memberships[state.memberships.length - 1]?.membership;
  if (role === "leader" || role === "candidate") {
    must(state.vote === id, "votes-for-itself", `${role} voted for "${state.vote}"`);
  }
  if (role === "candidate" || role === "preCandidate") {
    must(state.leader === undefined, "candidate-has-no-leader", `${state.leader}`);
    must(!state.isInstalling, "log-whole-to-campaign", "campaigns while it installs a snapshot");
  }
  if (role !== "leader") {
    must(state.leader !== id, "leader-is-leader", `a ${role} calls itself leader`);
    must(peers.length === 0, "only-leaders-track", `a ${role} tracks peers`);
    return;
  }
  must(state.leader === id, "leader-is-leader", `leader calls ${state.leader} leader`);
  must(termStartIndex !== undefined, "term-has-start", "no no-op");
  for (const peer of peers) {
    must(peer.match < peer.next, "match-before-next", `${peer.id}: ${peer.match} >= ${peer.next}`);
    const lastIndex = state.baseIndex + state.entries.length;
    must(peer.match <= lastIndex, "match-in-log", `${peer.id}: ${peer.match} > ${lastIndex}`);
  }
  if (current === undefined) return;
  const isFed = (member: string) => member === id || peers.some((peer) => peer.id === member);
  const members = [...current.voters, ...current.votersOutgoing, ...current.learners];
  must(members.every(isFed), "members-are-fed", `some of ${members.join()} are not`);
  const strangers = peers.filter(
    (peer) => !isVoter(current, peer.id) && !current.learners.includes(peer.id),
  );
  must(strangers.length === 0, "strangers-are-not-fed", strangers.map((p) => p.id).join());
  if (termStartIndex !== undefined && commitIndex >= termStartIndex) {
    must(state.uncommittedBytes >= 0, "uncommitted-counted", `${state.uncommittedBytes}`);
  }
  const base = state.memberships[0];
  if (base !== undefined && state.memberships.length === 1) {
    must(sameMembership(base.membership, current), "membership-in-force", "not the base's");
  }
}
