// Who the members are, for doors and for the transport: the membership in force, joined with what each
// of them published about itself, and before that with what the founders were told.

import type { Membership } from "@althing/consensus";
import type { MemberRecord } from "@althing/member";
import type { MemberInfo } from "../doors/context.ts";
import {
  type Answer,
  isKeyIdentity,
  type Knock,
  type PeerAddress,
  parsePeerUrls,
  type Roster,
} from "../peers/index.ts";
import type { FoundingMember } from "./member-identity.ts";

export interface RosterSources {
  readonly membership: () => Membership;
  readonly published: () => readonly MemberRecord[];
  readonly founding: readonly FoundingMember[];
}

export function listMembers(sources: RosterSources): MemberInfo[] {
  const { voters, votersOutgoing, learners, learnersNext } = sources.membership();
  const published = new Map(sources.published().map((member) => [member.member, member]));
  const founding = new Map(sources.founding.map((member) => [member.id, member]));
  const all = new Set([...voters, ...votersOutgoing, ...learners, ...learnersNext]);
  const isVoter = new Set([...voters, ...votersOutgoing]);
  // One that joins has no membership before it has heard from the leader.
  if (all.size === 0) for (const { id } of sources.founding) all.add(id);
  return [...all].sort().map((id) => ({
    id,
    name: published.get(id)?.name ?? "",
    peerUrls: published.get(id)?.peerUrls ?? founding.get(id)?.peerUrls ?? [],
    clientUrls: published.get(id)?.clientUrls ?? [],
    // Added to vote, it does so as soon as it has caught up; nobody is told to promote it.
    isLearner: learners.includes(id) && !isVoter.has(id) && !published.get(id)?.votesWhenReady,
  }));
}

export function rosterOf(sources: RosterSources, cluster: Omit<Roster, "members">): Roster {
  const published = new Map(
    sources.published().map(({ member, incarnation }) => [member, incarnation]),
  );
  const members = listMembers(sources).map(({ id, name, peerUrls }) => {
    const identity = published.get(id) ?? "";
    // What a member was known by before it had a key is a secret of its own.
    const key = isKeyIdentity(identity) ? identity : "";
    return { id, name, peerUrls, started: identity !== "", identity: key };
  });
  return { ...cluster, members };
}

/**
 * The answer to one that asks who the members are. Nobody else is told: a member proves itself by its key; one
 * that is about to join names the addresses that it was added with, and has not started before.
 */
export function answerTo(roster: Roster, knock: Knock, joinSecretNeeded: boolean): Answer {
  const { hello, proof } = knock;
  const self = roster.members.find(({ id }) => id === hello.member);
  const isMember = self?.started && self.identity === hello.identity;
  if (isMember) return { kind: "roster", roster };
  const urls = [...proof.urls].sort().join(",");
  if (joinSecretNeeded && !knock.knowsJoinSecret) {
    return refused("joinSecret", "it does not show the join secret; give --peer-join-secret-file");
  }
  const misnamed = knock.certificateFault(parsePeerUrls(proof.urls));
  if (misnamed !== undefined) return refused("certificate", misnamed);
  // One that is being added has no address for a moment: naming none names nobody.
  const added =
    urls === ""
      ? undefined
      : roster.members.find(({ peerUrls }) => [...peerUrls].sort().join(",") === urls);
  if (added === undefined) return refused("notAdded", `the cluster has no member at ${urls}`);
  if (!added.started) return { kind: "roster", roster };
  return refused("startedBefore", `the member at ${urls} has started with another data directory`);
}

/** Members to be are told nothing by founders to be: one that joins takes part, and has no say in a founding. */
export const notFounded: Answer = refused("notAdded", "the cluster is not founded yet");

function refused(
  code: "joinSecret" | "certificate" | "notAdded" | "startedBefore",
  reason: string,
): Answer {
  return { kind: "refused", refusal: { code, reason } };
}

/** `skipped` is told of members whose addresses, from an older log, cannot be called. */
export function peerAddresses(
  sources: RosterSources,
  self: string,
  skipped: (member: string, urls: readonly string[]) => void = () => {},
): PeerAddress[] {
  return listMembers(sources)
    .filter((member) => member.id !== self && member.peerUrls.length > 0)
    .map(({ id, peerUrls }) => {
      const urls = parsePeerUrls(peerUrls);
      if (urls.length < peerUrls.length) skipped(id, peerUrls);
      return { id, urls };
    });
}
