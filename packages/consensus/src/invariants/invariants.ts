// What must hold of a member whatever protocol it runs, as far as one member can see. The protocols add
// what is their own. Properties are named alike, so that a report means the same everywhere.

import type { Entry, Epoch, Index, MemberId, Membership, Violation } from "../contract.ts";
import { whyInvalid } from "../membership/membership.ts";

export type Must = (holds: boolean, property: string, detail: string) => void;

/** Runs checks and gathers what they found broken. */
export function gather(id: MemberId, check: (must: Must) => void): Violation[] {
  const found: Violation[] = [];
  check((holds, property, detail) => {
    if (!holds) found.push({ property, detail: `${id}: ${detail}` });
  });
  return found;
}

interface Marks {
  readonly baseIndex: Index;
  readonly commitIndex: Index;
  readonly durableIndex: Index;
  readonly applySentIndex: Index;
  readonly appliedIndex: Index;
}

/** A gapless log, after its base. */
interface Logged {
  readonly baseIndex: Index;
  readonly commitIndex: Index;
  readonly entries: readonly Entry[];
}

interface Governed {
  readonly baseIndex: Index;
  readonly memberships: readonly { readonly index: Index; readonly membership: Membership }[];
}

/** Compacted, applied, given to the store, durable and committed: in this order. */
export function checkMarks(state: Marks, must: Must): void {
  const { commitIndex, durableIndex, applySentIndex, appliedIndex, baseIndex } = state;
  const limit = Math.min(commitIndex, durableIndex);
  must(applySentIndex <= limit, "apply-committed-durable", `${applySentIndex} > ${limit}`);
  must(appliedIndex <= applySentIndex, "applied-was-sent", `${appliedIndex} > ${applySentIndex}`);
  must(baseIndex <= appliedIndex, "compacted-was-applied", `${baseIndex} > ${appliedIndex}`);
}

export function checkMarksRise(previous: Marks, next: Marks, must: Must): void {
  const rises = (property: string, before: Index, after: Index) =>
    must(after >= before, property, `${before} -> ${after}`);
  rises("commit-monotonic", previous.commitIndex, next.commitIndex);
  rises("apply-monotonic", previous.applySentIndex, next.applySentIndex);
  rises("base-monotonic", previous.baseIndex, next.baseIndex);
}

/** Along a log there are no gaps and epochs never fall; none is later than the member knows of. */
export function checkLog(
  state: Logged & { readonly durableIndex: Index },
  epochs: { readonly atBase: Epoch; readonly known: Epoch },
  must: Must,
): void {
  let index = state.baseIndex;
  let epoch = epochs.atBase;
  for (const entry of state.entries) {
    index++;
    // Asked of every entry after every step: what would be said is put together when it is.
    if (entry.index !== index)
      must(false, "log-gapless", `entry ${entry.index} stands at ${index}`);
    if (entry.epoch < epoch) {
      must(false, "log-epochs-ascend", `${entry.epoch} after ${epoch} at ${index}`);
    }
    epoch = entry.epoch;
  }
  must(epoch <= epochs.known, "log-epoch-known", `it ends in epoch ${epoch} > ${epochs.known}`);
  const { commitIndex, durableIndex } = state;
  must(commitIndex <= index, "commit-in-log", `commit ${commitIndex} > last ${index}`);
  must(durableIndex <= index, "durable-in-log", `durable ${durableIndex} > last ${index}`);
}

/** What was committed, or in a leader's log at all, stands as it stood. */
export function checkKept(previous: Logged, next: Logged, upTo: Index, must: Must): void {
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

/** Those known ascend, are well formed, and the first is in force at the base. */
export function checkMemberships({ memberships, baseIndex }: Governed, must: Must): void {
  let index = -1;
  for (const at of memberships) {
    must(at.index > index, "memberships-ascend", `${at.index} after ${index}`);
    index = at.index;
    const why = whyInvalid(at.membership);
    must(why === "", "membership-valid", why);
  }
  const first = memberships[0];
  must(first !== undefined && first.index <= baseIndex, "membership-at-base", "none");
}

/**
 * The membership in force is the last in the log, and rolled back with it. Returns how many of those in
 * the log are not committed.
 */
export function checkMembershipsOfLog(state: Logged & Governed, must: Must): number {
  const { baseIndex, commitIndex, memberships, entries } = state;
  let next = memberships.findIndex((at) => at.index > baseIndex);
  if (next < 0) next = memberships.length;
  let uncommitted = 0;
  for (const { kind, index } of entries) {
    if (kind !== "membership") continue;
    const known = memberships[next++]?.index;
    if (known !== index)
      must(false, "memberships-are-the-logs", `${index} in the log, not ${known}`);
    if (index > commitIndex) uncommitted++;
  }
  const left = memberships.length - next;
  if (left > 0) must(false, "memberships-are-the-logs", `${left} more than in the log`);
  return uncommitted;
}

/** A leader feeds whoever is in the membership, and knows no more of them than its log holds. */
export function checkPeers(
  id: MemberId,
  peers: readonly { readonly id: MemberId; readonly match: Index; readonly next: Index }[],
  at: { readonly lastIndex: Index; readonly membership: Membership | undefined },
  must: Must,
): void {
  for (const peer of peers) {
    must(peer.match < peer.next, "match-before-next", `${peer.id}: ${peer.match} >= ${peer.next}`);
    must(peer.match <= at.lastIndex, "match-in-log", `${peer.id}: ${peer.match}`);
  }
  if (at.membership === undefined) return;
  const { voters, votersOutgoing, learners, learnersNext } = at.membership;
  const members = [...voters, ...votersOutgoing, ...learners];
  const isFed = (member: MemberId) => member === id || peers.some((peer) => peer.id === member);
  must(members.every(isFed), "members-are-fed", `some of ${members.join()} are not`);
  const strangers = peers
    .map((peer) => peer.id)
    .filter((peer) => !members.includes(peer) && !learnersNext.includes(peer));
  must(strangers.length === 0, "strangers-are-not-fed", strangers.join());
}
