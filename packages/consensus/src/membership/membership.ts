// The arithmetic of configurations: changes lead from one membership to the next, through a joint
// one whenever the voters change (Raft §6, dissertation §4.3). Pure; the protocols decide when.

import type { MemberId, Membership, MembershipChange } from "../contract.ts";

export type ChangeOutcome =
  | { readonly kind: "changed"; readonly membership: Membership }
  | { readonly kind: "invalid"; readonly why: string };

/** Sorts and removes duplicates. */
export function membershipOf(
  voters: readonly MemberId[],
  learners: readonly MemberId[] = [],
): Membership {
  return {
    voters: sortedSet(voters),
    votersOutgoing: [],
    learners: sortedSet(learners),
    learnersNext: [],
  };
}

export function isJoint(membership: Membership): boolean {
  return membership.votersOutgoing.length > 0;
}

/** A voter of either configuration. */
export function isVoter(membership: Membership, member: MemberId): boolean {
  return membership.voters.includes(member) || membership.votersOutgoing.includes(member);
}

export function isMember(membership: Membership, member: MemberId): boolean {
  return isVoter(membership, member) || membership.learners.includes(member);
}

/** Everyone, sorted. */
export function membersOf(membership: Membership): MemberId[] {
  return sortedSet([
    ...membership.voters,
    ...membership.votersOutgoing,
    ...membership.learners,
    ...membership.learnersNext,
  ]);
}

/** Voters of either configuration, sorted. */
export function votersOf(membership: Membership): MemberId[] {
  return sortedSet([...membership.voters, ...membership.votersOutgoing]);
}

export function applyChanges(
  current: Membership,
  changes: readonly MembershipChange[],
): ChangeOutcome {
  if (isJoint(current)) return invalid("a joint configuration is left before the next change");
  if (changes.length === 0) return invalid("there is nothing to change");
  const voters = new Set(current.voters);
  const learners = new Set(current.learners);
  const touched = new Set<MemberId>();
  for (const change of changes) {
    const member = change.member;
    if (member === "") return invalid("a member's id is never empty");
    if (touched.has(member)) return invalid(`${member} is changed twice`);
    touched.add(member);
    const why = applyChange(change, voters, learners);
    if (why !== "") return invalid(why);
  }
  if (voters.size === 0) return invalid("at least one voter remains");
  if (sameList(sortedSet([...voters]), current.voters)) {
    return { kind: "changed", membership: membershipOf([...voters], [...learners]) };
  }
  // A voter of the old configuration votes until the joint phase ends: it cannot be a learner yet.
  const wasVoter = (member: MemberId) => current.voters.includes(member);
  return {
    kind: "changed",
    membership: {
      voters: sortedSet([...voters]),
      votersOutgoing: current.voters,
      learners: sortedSet([...learners].filter((member) => !wasVoter(member))),
      learnersNext: sortedSet([...learners].filter(wasVoter)),
    },
  };
}

/** The configuration that ends a joint phase. */
export function leaveJoint(joint: Membership): Membership {
  return membershipOf(joint.voters, [...joint.learners, ...joint.learnersNext]);
}

/** Why this is not a membership; "" when it is one. */
export function whyInvalid(membership: Membership): string {
  const { voters, votersOutgoing, learners, learnersNext } = membership;
  for (const list of [voters, votersOutgoing, learners, learnersNext]) {
    for (let i = 0; i < list.length; i++) {
      if (list[i] === "") return "an id is empty";
      if (i > 0 && list[i - 1]! >= list[i]!) return "a list is not sorted or has a duplicate";
    }
  }
  if (voters.length === 0 && (votersOutgoing.length > 0 || learners.length > 0)) {
    return "there are no voters";
  }
  if (learners.some((member) => isVoter(membership, member))) return "a learner is a voter";
  if (learnersNext.some((member) => !votersOutgoing.includes(member))) {
    return "a later learner is not a voter of the old configuration";
  }
  if (learnersNext.some((member) => voters.includes(member))) {
    return "a later learner is a voter of the new configuration";
  }
  return "";
}

export function sameMembership(one: Membership, other: Membership): boolean {
  return (
    sameList(one.voters, other.voters) &&
    sameList(one.votersOutgoing, other.votersOutgoing) &&
    sameList(one.learners, other.learners) &&
    sameList(one.learnersNext, other.learnersNext)
  );
}

/** "a b c", "(a b c)&&(a b) learners d", for logs and traces. */
export function describeMembership(membership: Membership): string {
  const voters = membership.voters.join(" ");
  const old = membership.votersOutgoing.join(" ");
  const learners = membership.learners.join(" ");
  const next = membership.learnersNext.join(" ");
  return (
    (old === "" ? voters : `(${voters})&&(${old})`) +
    (learners === "" ? "" : ` learners ${learners}`) +
    (next === "" ? "" : ` later learners ${next}`)
  );
}

function applyChange(
  change: MembershipChange,
  voters: Set<MemberId>,
  learners: Set<MemberId>,
): string {
  const member = change.member;
  switch (change.kind) {
    case "addVoter":
      if (voters.has(member)) return `${member} is a voter already`;
      learners.delete(member);
      voters.add(member);
      return "";
    case "addLearner":
      if (learners.has(member)) return `${member} is a learner already`;
      voters.delete(member);
      learners.add(member);
      return "";
    case "promote":
      if (!learners.delete(member)) return `${member} is not a learner`;
      voters.add(member);
      return "";
    case "remove":
      return voters.delete(member) || learners.delete(member) ? "" : `${member} is not a member`;
  }
}

function invalid(why: string): ChangeOutcome {
  return { kind: "invalid", why };
}

function sortedSet(list: readonly MemberId[]): MemberId[] {
  return [...new Set(list)].sort(byCodeUnits);
}

function byCodeUnits(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function sameList(one: readonly MemberId[], other: readonly MemberId[]): boolean {
  return one.length === other.length && one.every((member, place) => member === other[place]);
}
