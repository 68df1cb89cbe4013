// Whether a change of the membership may be made, asked of the leader before it enters the log: who
// is a member, which addresses are taken, and whether enough members have started and are up now to
// survive it. An operator in a hurry must not lose the quorum (corpus: quorum lost by reconfiguration).

import type { MemberId, Membership, MembershipChange } from "@althing/consensus";
import type { MemberErrorCode, Reconfiguration } from "./contract.ts";
import type { MemberRecord, RosterChange } from "./roster/records.ts";
import type { Roster } from "./roster/roster.ts";

const LEARNERS_MAX = 1;

export interface ClusterView {
  readonly membership: Membership;
  readonly published: readonly MemberRecord[];
  /** Heard from lately, this member included. */
  readonly active: ReadonlySet<MemberId>;
}

/** What stands in the way; undefined when nothing does. */
export function reconfigurationFault(
  request: Reconfiguration,
  view: ClusterView,
): MemberErrorCode | undefined {
  const { voters, learners } = view.membership;
  const isVoter = voters.includes(request.member);
  const isLearner = learners.includes(request.member);
  switch (request.kind) {
    case "add":
      if (isVoter || isLearner) return "memberExists";
      return (
        (request.strict ? additionFault(request.as, view) : undefined) ?? urlFault(request, view)
      );
    case "remove":
      if (!isVoter && !isLearner) return "memberUnknown";
      return request.strict && isVoter ? removalFault(request.member, view) : undefined;
    case "promote":
      if (!isVoter && !isLearner) return "memberUnknown";
      return isVoter || futureVoters(view).includes(request.member) ? "notALearner" : undefined;
  }
}

/** Learners that were added to vote. */
export function futureVoters({ membership, published }: ClusterView): MemberId[] {
  return membership.learners.filter((id) =>
    published.some(({ member, votesWhenReady }) => member === id && votesWhenReady === true),
  );
}

type Codec = Pick<Roster, "encode" | "decode">;

/** The core's change, and what travels with it. */
export function changeOf(
  request: Reconfiguration,
  roster: Codec,
): { readonly change: MembershipChange; readonly context: Uint8Array } {
  const { member } = request;
  return request.kind === "add"
    ? { change: { kind: "addLearner", member }, context: roster.encode(newcomer(request)) }
    : { change: { kind: request.kind, member }, context: new Uint8Array(0) };
}

function newcomer({
  member,
  peerUrls,
  as,
}: Extract<Reconfiguration, { kind: "add" }>): RosterChange {
  return {
    kind: "publishMember",
    member,
    name: "",
    peerUrls,
    clientUrls: [],
    incarnation: "",
    ...(as === "voter" && { votesWhenReady: true }),
  };
}

/** As it travels to the leader: what is done, whether strictly, then a change that says to whom. */
export function encodeReconfiguration(request: Reconfiguration, roster: Codec): Uint8Array {
  const { kind, member } = request;
  const strict = kind !== "promote" && request.strict;
  const subject = roster.encode(
    kind === "add" ? newcomer(request) : { kind: "removeMember", member },
  );
  const bytes = new Uint8Array(2 + subject.length);
  bytes[0] = KINDS.indexOf(kind);
  bytes[1] = strict ? 1 : 0;
  bytes.set(subject, 2);
  return bytes;
}

/** Undefined: of a later version than this member's. */
export function decodeReconfiguration(
  bytes: Uint8Array,
  roster: Codec,
): Reconfiguration | undefined {
  const kind = KINDS[bytes[0] ?? KINDS.length];
  const strict = bytes[1] === 1;
  const subject = roster.decode(bytes.subarray(2));
  if (kind === "add" && subject?.kind === "publishMember") {
    const { member, peerUrls, votesWhenReady } = subject;
    return { kind, member, peerUrls, as: votesWhenReady ? "voter" : "learner", strict };
  }
  if (subject?.kind !== "removeMember") return undefined;
  const { member } = subject;
  if (kind === "promote") return { kind, member };
  return kind === "remove" ? { kind, member, strict } : undefined;
}

const KINDS = ["add", "remove", "promote"] as const;

function additionFault(as: "voter" | "learner", view: ClusterView): MemberErrorCode | undefined {
  const { voters, learners } = view.membership;
  const future = futureVoters(view);
  if (!hasQuorum(voters, view.active)) return "unhealthy";
  if (as === "learner") {
    return learners.length - future.length >= LEARNERS_MAX ? "tooManyLearners" : undefined;
  }
  const all = [...voters, ...future];
  const started = all.filter((id) => isStarted(view, id)).length;
  // The step from one member to two is the only one whose quorum has to wait for the newcomer.
  if (started === 1 && all.length === 1) return undefined;
  return started < quorum(all.length + 1) ? "notEnoughStarted" : undefined;
}

function urlFault(
  request: Extract<Reconfiguration, { kind: "add" }>,
  { published }: ClusterView,
): MemberErrorCode | undefined {
  const taken = published.some(({ peerUrls }) =>
    peerUrls.some((url) => request.peerUrls.includes(url)),
  );
  return taken ? "peerUrlTaken" : undefined;
}

function removalFault(leaving: MemberId, view: ClusterView): MemberErrorCode | undefined {
  const others = view.membership.voters.filter((id) => id !== leaving);
  const started = others.filter((id) => isStarted(view, id)).length;
  if (started < quorum(others.length)) return "notEnoughStarted";
  // One that is down is no part of the quorum at work.
  if (!view.active.has(leaving)) return undefined;
  return hasQuorum(others, view.active) ? undefined : "unhealthy";
}

function isStarted(view: ClusterView, id: MemberId): boolean {
  return view.published.some(({ member, incarnation }) => member === id && incarnation !== "");
}

function hasQuorum(voters: readonly MemberId[], active: ReadonlySet<MemberId>): boolean {
  return voters.filter((id) => active.has(id)).length >= quorum(voters.length);
}

function quorum(voters: number): number {
  return Math.floor(voters / 2) + 1;
}
