// A cluster in the midst of its life: one leader's history of commands and changes of the membership, each entry
// on the disks that its being chosen needs and on others by chance, and of what is chosen each member knows
// some. All members have just started, and the leader is forgotten. From an empty cluster moves drawn at
// random seldom lead to such a state; what goes wrong from there begins here.

import type {
  Entry,
  Index,
  MemberId,
  Membership,
  MembershipChange,
  Restored,
} from "../contract.ts";
import { encodeMembershipEntry } from "../membership/codec.ts";
import {
  applyChanges,
  isJoint,
  leaveJoint,
  membersOf,
  sameMembership,
} from "../membership/membership.ts";
import { isQuorum } from "../quorum/quorum.ts";

type Random = () => number;

export interface HalfDone {
  readonly entries: ReadonlyMap<MemberId, readonly Entry[]>;
  /** Each holds these entries, and knows that they are chosen. */
  readonly commits: ReadonlyMap<MemberId, Index>;
}

/** A history and who has it; `inOrder`: who holds an entry holds all before it, as in Raft and Zab. */
export function drawHalfDone(
  founding: Membership,
  members: readonly MemberId[],
  inOrder: boolean,
  random: Random,
): HalfDone {
  const proposer = inOrder ? "" : pick(founding.voters, random);
  const holders: Set<MemberId>[] = [];
  const entries: Entry[] = [];
  let current = founding;
  const length = 1 + Math.floor(random() * 6);
  for (let index = 1; index <= length; index++) {
    const next = nextMembership(current, members, random);
    // Of Raft and Zab an entry is counted by the membership that it brings; of Paxos by the one before.
    const counted = inOrder ? [current, next] : [current];
    const has = new Set(members.filter(() => random() < 0.2));
    for (const one of counted) addQuorum(has, one, random);
    if (isJoint(current) && !isJoint(next)) {
      // All that the old voters hold has reached a quorum of the new ones before they go.
      const stay = new Set<MemberId>();
      addQuorum(stay, next, random);
      for (const before of holders) for (const member of stay) before.add(member);
    }
    holders.push(has);
    entries.push(entryOf(index, proposer, current, next));
    current = next;
  }
  if (inOrder) {
    for (let at = holders.length - 2; at >= 0; at--) {
      for (const member of holders[at + 1]!) holders[at]!.add(member);
    }
  }
  const held = new Map(
    members.map((member) => [member, entries.filter((_, at) => holders[at]!.has(member))]),
  );
  const commits = new Map(
    members.map((member) => {
      const unbroken = entries.findIndex((_, at) => !holders[at]!.has(member));
      const most = unbroken === -1 ? entries.length : unbroken;
      // Nothing comes after a change (of Paxos), and no second change (of the others), but with the word that
      // the one before is chosen.
      const mine = held.get(member)!;
      const isAfter = (entry: Entry) => {
        return mine.some(({ index, kind }) => {
          return index > entry.index && (!inOrder || kind === "membership");
        });
      };
      const known = mine.filter((entry) => {
        return entry.kind === "membership" && entry.index <= most && isAfter(entry);
      });
      const least = known.at(-1)?.index ?? 0;
      return [member, random() < 0.6 ? most : least + Math.floor(random() * (most - least + 1))];
    }),
  );
  return { entries: held, commits };
}

/** What a member of this protocol finds on its disk. */
export function restoredFrom(
  protocol: string,
  halfDone: HalfDone,
): (member: MemberId) => Partial<Restored<never>> {
  const proposer = [...halfDone.entries.values()].flat()[0]?.proposer ?? "";
  return (member) => {
    const entries = halfDone.entries.get(member) ?? [];
    const commit = halfDone.commits.get(member) ?? 0;
    if (entries.length === 0) return {};
    const states: Record<string, object> = {
      raft: { term: 1, vote: "", commit },
      paxos: { round: 1, proposer, commit, prepareQuorum: 0, acceptQuorum: 0 },
      zab: { acceptedEpoch: 1, currentEpoch: 1, commit },
    };
    return { state: states[protocol] as never, entries };
  };
}

/** Most of the voters may be others. */
export function drawChanges(
  { voters, learners }: Membership,
  members: readonly MemberId[],
  random: Random,
): MembershipChange[] {
  const changes: MembershipChange[] = [];
  for (const member of members) {
    const wanted = random();
    if (voters.includes(member)) {
      if (wanted < 0.4) changes.push({ kind: "remove", member });
    } else if (learners.includes(member)) {
      if (wanted < 0.6) changes.push({ kind: "promote", member });
    } else if (wanted < 0.6) changes.push({ kind: "addVoter", member });
  }
  return changes;
}

function nextMembership(
  current: Membership,
  members: readonly MemberId[],
  random: Random,
): Membership {
  if (isJoint(current)) return random() < 0.7 ? leaveJoint(current) : current;
  if (random() < 0.5) return current;
  const outcome = applyChanges(current, drawChanges(current, members, random));
  return outcome.kind === "changed" ? outcome.membership : current;
}

function entryOf(index: Index, proposer: string, before: Membership, after: Membership): Entry {
  const own = { index, epoch: 1, proposer };
  if (sameMembership(before, after)) {
    return { ...own, kind: "command", payload: new TextEncoder().encode(`before-${index}`) };
  }
  const payload = encodeMembershipEntry(after, new Uint8Array(0));
  return { ...own, kind: "membership", payload };
}

function addQuorum(has: Set<MemberId>, membership: Membership, random: Random): void {
  const candidates = membersOf(membership);
  while (!isQuorum(membership, (member) => has.has(member))) has.add(pick(candidates, random));
}

function pick<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random() * list.length)]!;
}
