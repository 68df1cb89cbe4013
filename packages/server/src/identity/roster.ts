// Who the members are, for doors and for the transport: the membership in force, joined with what each
// of them published about itself, and before that with what the founders were told.

import type { Membership } from "@althing/consensus";
import type { PublishMemberCommand } from "@althing/store";
import type { MemberInfo } from "../doors/context.ts";
import type { PeerAddress, Roster } from "../peers/index.ts";
import type { FoundingMember } from "./member-identity.ts";

export interface RosterSources {
  readonly membership: () => Membership;
  readonly published: () => readonly PublishMemberCommand[];
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

/** For one that is about to join. */
export function rosterOf(
  sources: RosterSources,
  cluster: Pick<Roster, "clusterId" | "consensus">,
): Roster {
  const started = new Set(
    sources
      .published()
      .filter(({ incarnation }) => incarnation !== "")
      .map(({ member }) => member),
  );
  const members = listMembers(sources).map(({ id, name, peerUrls }) => ({
    id,
    name,
    peerUrls,
    started: started.has(id),
  }));
  return { ...cluster, members };
}

export function peerAddresses(sources: RosterSources, self: string): PeerAddress[] {
  return listMembers(sources)
    .filter((member) => member.id !== self && member.peerUrls.length > 0)
    .map((member) => ({ id: member.id, urls: member.peerUrls }));
}
