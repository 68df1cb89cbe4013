// What members tell the cluster about themselves, and who is let in because of it. A member publishes
// its addresses and the identity of its disk; a peer that comes back under its old name with another
// disk has forgotten its votes and is turned away (corpus: reformatted-node-forgets-promise).

import {
  type Entry,
  type Epoch,
  type Index,
  isMember,
  type MemberId,
  type Membership,
  type MembershipChange,
  membersOf,
} from "@althing/consensus";
import type { Acquaintances } from "./acquaintances.ts";
import { MemberError } from "./contract.ts";
import { commandOf, isReadable, isRosterChange } from "./envelope.ts";
import type { MembershipTrack } from "./membership-track.ts";
import type { Proposals } from "./proposals.ts";
import type { MemberRecord, RosterChange } from "./roster/records.ts";
import type { Roster } from "./roster/roster.ts";
import type { StateMachine } from "./state-machine.ts";
import type { Turn } from "./turn.ts";

export interface PublishedIdentity {
  readonly incarnation: string;
  /** What this same disk was published as before. */
  readonly formerIncarnation?: string;
  readonly attributes: {
    readonly name: string;
    readonly peerUrls: readonly string[];
    readonly clientUrls: readonly string[];
  };
}

/** What the recovered log says beyond the state, committed or not: undefined is "forgotten". */
export interface LoggedPublications {
  readonly incarnations: ReadonlyMap<MemberId, string | undefined>;
  readonly lastIndex: number;
}

export function publicationsIn(
  roster: Roster,
  entries: readonly Entry[],
  appliedIndex: number,
): LoggedPublications | undefined {
  const incarnations = new Map<MemberId, string | undefined>();
  let lastIndex = 0;
  for (const { index, kind, payload } of entries) {
    if (index <= appliedIndex || kind !== "command" || !isReadable(payload)) continue;
    if (isRosterChange(payload) === roster.isKept) continue;
    const change = roster.decode(commandOf(payload));
    if (change === undefined) continue;
    const incarnation = change.kind === "publishMember" ? change.incarnation : undefined;
    incarnations.set(change.member, incarnation);
    lastIndex = index;
  }
  return incarnations.size === 0 ? undefined : { incarnations, lastIndex };
}

export class Publisher {
  readonly #turn: Turn;
  readonly #machine: Pick<StateMachine, "appliedIndex">;
  readonly #roster: Roster;
  readonly #proposals: Proposals;
  readonly #track: MembershipTrack;
  readonly #identity: PublishedIdentity;
  readonly #acquaintances: Acquaintances;
  #underWay = false;
  #recovered: LoggedPublications | undefined;
  /**
   * Members that this one has seen leave, and at which index of the log: no newcomers, however little it
   * knows of the others, unless they were added again later.
   */
  readonly #left = new Map<MemberId, Index>();
  #lastMembership: Membership;
  /** Whom this member follows, and what was committed when it began to: applied, it knows the members. */
  #following:
    | { readonly leader: MemberId; readonly epoch: Epoch; readonly index: number }
    | undefined;

  constructor(
    turn: Turn,
    parts: {
      machine: Pick<StateMachine, "appliedIndex">;
      roster: Roster;
      proposals: Proposals;
      track: MembershipTrack;
      acquaintances: Acquaintances;
    },
    identity: PublishedIdentity,
    recovered: LoggedPublications | undefined,
  ) {
    this.#acquaintances = parts.acquaintances;
    this.#recovered = recovered;
    this.#turn = turn;
    this.#machine = parts.machine;
    this.#roster = parts.roster;
    this.#proposals = parts.proposals;
    this.#track = parts.track;
    this.#lastMembership = parts.track.applied;
    this.#identity = identity;
  }

  /** Proposes what the roster does not say yet: on every tick, one proposal at a time. */
  tick(): void {
    this.#noteLeader();
    if (this.#underWay || this.#turn.leadership.leader === undefined) return;
    const membership = this.#track.applied;
    const members = this.#roster.members();
    const { id } = this.#turn;
    const own = members.find(({ member }) => member === id);
    const claimed = own !== undefined && own.incarnation !== "";
    if (claimed && !this.#isOwn(own.incarnation)) {
      this.#turn.fail(wiped(id), undefined);
      return;
    }
    if (isMember(membership, id) && !this.#says(own)) {
      const { name, clientUrls } = this.#identity.attributes;
      const { incarnation } = this.#identity;
      const peerUrls = this.#peerUrls(own);
      this.#propose(
        {
          kind: "publishMember",
          member: id,
          name,
          peerUrls,
          clientUrls,
          incarnation,
          ...(own?.votesWhenReady && { votesWhenReady: true }),
        },
        "member.published",
        id,
      );
      return;
    }
    if (this.#turn.leadership.role !== "leader") return;
    const known = new Set(membersOf(membership));
    const gone = members.find(({ member }) => !known.has(member));
    if (gone === undefined) return;
    const { member } = gone;
    this.#propose({ kind: "removeMember", member }, "member.forgotten", member);
  }

  /** The reason why a peer may not speak as `peer`; undefined when it may. */
  refusal(peer: MemberId, incarnation: string, memberAsOf: Index): string | undefined {
    const published = this.#published(peer);
    if (published !== undefined && published !== incarnation) return wiped(peer);
    if (published !== undefined) return undefined;
    const met = this.#acquaintances.of(peer);
    if (met !== undefined && met !== incarnation) return wiped(peer);
    const stranger = this.#strangerRefusal(peer, memberAsOf);
    if (stranger !== undefined || met !== undefined) return stranger;
    if (this.#acquaintances.remember(peer, incarnation)) return undefined;
    return `this member's disk cannot note the identity of ${peer}'s: free space or repair it`;
  }

  /** What a peer is held to; undefined: this member has never met it. */
  identityOf(peer: MemberId): string | undefined {
    return this.#published(peer) ?? this.#acquaintances.of(peer);
  }

  /** The membership changed: who left may come back with another disk, once it is added anew. */
  membershipApplied(): void {
    const { applied, changedAt } = this.#track;
    for (const id of membersOf(this.#lastMembership))
      if (!isMember(applied, id)) this.#left.set(id, changedAt);
    for (const id of membersOf(applied)) this.#left.delete(id);
    this.#lastMembership = applied;
    this.#acquaintances.forgetOthers((peer) => isMember(this.#track.applied, peer));
  }

  #strangerRefusal(peer: MemberId, memberAsOf: Index): string | undefined {
    this.#noteLeader();
    const { leader, role, membership, appliedIndex } = {
      ...this.#turn.leadership,
      ...this.#turn.core.status(),
    };
    if (isMember(membership, peer) || isMember(this.#track.applied, peer)) return undefined;
    const leftAt = this.#left.get(peer);
    if (leftAt !== undefined && memberAsOf <= leftAt) {
      return `${peer} was removed from this cluster`;
    }
    // A member that is behind may not know the newcomer yet, nor the leader itself: it lets in whom it
    // does not know until it follows a leader and has applied what was committed when it began to. Under
    // load a follower is always a little behind, and that is no reason to let anybody in.
    const follows = leader !== undefined && leader !== peer && role !== "candidate";
    const index = this.#following?.index ?? Number.POSITIVE_INFINITY;
    if (!follows || appliedIndex === 0 || appliedIndex < index) return undefined;
    return `${peer} is not a member of this cluster: add it with a membership change first`;
  }

  #noteLeader(): void {
    const { leader, epoch } = this.#turn.leadership;
    if (leader === this.#following?.leader && epoch === this.#following?.epoch) return;
    const index = this.#turn.core.status().commitIndex;
    this.#following = leader === undefined ? undefined : { leader, epoch, index };
  }

  #isOwn(incarnation: string): boolean {
    const { incarnation: own, formerIncarnation } = this.#identity;
    return incarnation === own || incarnation === formerIncarnation;
  }

  /** An id that is still published belongs to a member that left a moment ago. */
  changeRefusal(changes: readonly MembershipChange[]): MemberError | undefined {
    const members = this.#roster.members();
    const left = changes.find(
      ({ kind, member }) =>
        (kind === "addVoter" || kind === "addLearner") &&
        !isMember(this.#track.applied, member) &&
        members.some((published) => published.member === member),
    );
    if (left === undefined) return undefined;
    const message = `${left.member} was removed a moment ago: try again shortly, or use a new id`;
    return new MemberError("membershipChangeInProgress", "notExecuted", message);
  }

  /** A state that is brought up from the log does not know yet what the log says. */
  #published(peer: MemberId): string | undefined {
    if (this.#recovered !== undefined) {
      if (this.#machine.appliedIndex >= this.#recovered.lastIndex) this.#recovered = undefined;
      else if (this.#recovered.incarnations.has(peer)) {
        return this.#recovered.incarnations.get(peer);
      }
    }
    const published = this.#roster.members().find(({ member }) => member === peer);
    // One that was added and has not started yet has no disk that it could be held to.
    return published?.incarnation || undefined;
  }

  /** Once the cluster knows a member's peer addresses, an operator changes them, not its flags. */
  #peerUrls(own: MemberRecord | undefined): readonly string[] {
    const known = own?.peerUrls ?? [];
    return known.length > 0 ? known : this.#identity.attributes.peerUrls;
  }

  #says(own: MemberRecord | undefined): boolean {
    const { name, clientUrls } = this.#identity.attributes;
    return (
      own !== undefined &&
      own.incarnation === this.#identity.incarnation &&
      own.name === name &&
      sameList(own.peerUrls, this.#peerUrls(own)) &&
      sameList(own.clientUrls, clientUrls)
    );
  }

  #propose(change: RosterChange, kind: string, member: MemberId): void {
    this.#underWay = true;
    this.#proposals.proposeChange(this.#roster, change, (outcome) => {
      this.#underWay = false;
      if (outcome.kind === "applied") this.#turn.observe({ kind, level: "info", member });
    });
  }
}

function wiped(member: MemberId): string {
  return (
    `${member} comes with another data directory than the one it published: its votes and part of ` +
    "its log may be lost, so it is not let in under its old identity. Remove the member from the " +
    "cluster and add it anew, with an empty data directory."
  );
}

function sameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((item, place) => item === other[place]);
}
