// Who the members are, for doors and for the transport: the membership in force, joined with what each
// of them published about itself, and before that with what the founders were told.

import type { Membership } from "@althing/consensus";
import type { PublishMemberCommand } from "@althing/store";
import type { MemberInfo } from "../doors/context.ts";
import type { PeerAddress } from "../peers/index.ts";
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
  return [...all].sort().map((id) => ({
    id,
    name: published.get(id)?.name ?? "",
    peerUrls: published.get(id)?.peerUrls ?? founding.get(id)?.peerUrls ?? [],
    clientUrls: published.get(id)?.clientUrls ?? [],
    isLearner: !isVoter.has(id),
  }));
}

export function peerAddresses(sources: RosterSources, self: string): PeerAddress[] {
  return listMembers(sources)
    .filter((member) => member.id !== self && member.peerUrls.length > 0)
    .map((member) => ({ id: member.id, urls: member.peerUrls }));
}
