// Copies of the state for those who look at a member from outside: people (status), and checkers,
// traces and the lab (inspection). Nothing in them changes later.

import type { CoreStatus, Entry, Index, MemberId, PeerProgress } from "../contract.ts";
import { isVoter } from "../membership/membership.ts";
import { type Ballot, describeBallot } from "../synod/ballot.ts";
import { chosenBeyond } from "./commit.ts";
import { leaseUntilMs } from "./lease.ts";
import { acceptSize, prepareSize, type QuorumSizes } from "./quorums.ts";
import {
  type MembershipAt,
  membership,
  membershipIndex,
  type Paxos,
  type PaxosRole,
} from "./self.ts";
import { publicRole } from "./turn.ts";

export interface PaxosInspection {
  readonly id: MemberId;
  readonly role: PaxosRole;
  readonly promised: Ballot;
  readonly leader: MemberId | undefined;
  readonly baseIndex: Index;
  /** Ascending; slots in which nothing was accepted are left out. */
  readonly entries: readonly Entry[];
  readonly memberships: readonly MembershipAt[];
  readonly commitIndex: Index;
  readonly toldIndex: Index;
  readonly receivedIndex: Index;
  readonly durableIndex: Index;
  readonly applySentIndex: Index;
  readonly appliedIndex: Index;
  /** The point of the snapshot that is being installed. */
  readonly installingAt: Index | undefined;
  readonly quorums: QuorumSizes;
  readonly peers: readonly PeerProgress[];
  /** Leader only. */
  readonly nextSlot: Index | undefined;
  readonly recoveredUpTo: Index | undefined;
  /** Candidate and leader: what is chosen and compacted elsewhere. */
  readonly lacksUpTo: Index | undefined;
  /** Candidate and leader: what phase 1 found and was not proposed yet, in no order. */
  readonly found: readonly Entry[];
  readonly barrier: Index | undefined;
  /** Who has promised the own ballot and told all it accepted. */
  readonly promisedBy: readonly MemberId[];
  /** Slots beyond the commit index that the leader knows to be chosen. */
  readonly chosenBeyond: readonly Index[];
  readonly uncommittedBytes: number;
  /** Leader only: until then, by its own clock, it answers reads from its lease. */
  readonly leaseUntilMs: number;
}

export function inspect(paxos: Paxos): PaxosInspection {
  const { leadership, log, preparation } = paxos;
  return Object.freeze({
    id: paxos.settings.id,
    role: paxos.role,
    promised: paxos.promised,
    leader: paxos.leader,
    baseIndex: log.baseIndex,
    entries: Object.freeze(log.toArray()),
    memberships: Object.freeze(paxos.memberships.slice()),
    commitIndex: paxos.commitIndex,
    toldIndex: paxos.toldIndex,
    receivedIndex: paxos.receivedIndex,
    durableIndex: paxos.durableIndex,
    applySentIndex: paxos.applySentIndex,
    appliedIndex: paxos.appliedIndex,
    installingAt: paxos.installing?.point.index,
    quorums: paxos.settings.quorums,
    peers: Object.freeze(reportPeers(paxos)),
    nextSlot: leadership?.nextSlot,
    recoveredUpTo: leadership?.preparation.foundUpTo,
    lacksUpTo: preparation?.lacksUpTo,
    found: Object.freeze([...(preparation?.found.values() ?? [])]),
    barrier: leadership?.barrier,
    promisedBy: Object.freeze(promisedBy(paxos)),
    chosenBeyond: Object.freeze(leadership === undefined ? [] : chosenBeyond(paxos, leadership)),
    uncommittedBytes: leadership?.uncommittedBytes ?? 0,
    leaseUntilMs:
      leadership === undefined ? Number.NEGATIVE_INFINITY : leaseUntilMs(paxos, leadership),
  });
}

export function status(paxos: Paxos): CoreStatus {
  return {
    id: paxos.settings.id,
    role: publicRole(paxos),
    epoch: paxos.promised.round,
    leader: paxos.leader,
    firstIndex: paxos.log.baseIndex + 1,
    lastIndex: paxos.log.lastIndex,
    commitIndex: paxos.commitIndex,
    appliedIndex: paxos.appliedIndex,
    membership: membership(paxos),
    membershipIndex: membershipIndex(paxos),
    peers: reportPeers(paxos),
    leaderless: paxos.leader === undefined ? whyLeaderless(paxos) : "",
  };
}

function reportPeers(paxos: Paxos): PeerProgress[] {
  return paxos.leadership === undefined ? [] : paxos.leadership.peers.map((peer) => peer.report());
}

function promisedBy({ preparation }: Paxos): MemberId[] {
  if (preparation === undefined) return [];
  return [...preparation.answers].filter(([, granted]) => granted).map(([member]) => member);
}

function whyLeaderless(paxos: Paxos): string {
  const { id, priority } = paxos.settings;
  if (paxos.role === "canvasser") {
    return `canvass: heard from ${describeCount(paxos, (m) => paxos.votes.get(m) === true)}`;
  }
  const { preparation } = paxos;
  if (paxos.role === "candidate" && preparation !== undefined) {
    const { lacksUpTo, answers } = preparation;
    const promises = describeCount(paxos, (member) => answers.get(member) === true);
    const lacks = paxos.commitIndex < lacksUpTo ? `; needs a snapshot of slot ${lacksUpTo}` : "";
    return `preparing ballot ${describeBallot(paxos.promised)}: ${promises}${lacks}`;
  }
  if (paxos.installing !== undefined) return "a snapshot is being installed";
  if (membership(paxos).learners.includes(id)) return "a learner waits to hear a leader";
  if (!isVoter(membership(paxos), id)) return "this member is not in the membership";
  if (!paxos.isFit) return "this member is not fit to lead, waits to hear a leader";
  if (priority === 0) return "priority 0: never campaigns, waits to hear a leader";
  return `no leader heard; canvass in ${paxos.timer.ticksLeft} ticks`;
}

/** "2 of 3; needs 2": how far those come for whom `has` says yes. */
function describeCount(paxos: Paxos, has: (member: MemberId) => boolean): string {
  const { quorums } = paxos.settings;
  const { voters, votersOutgoing } = membership(paxos);
  const describe = (list: readonly MemberId[]) => {
    const needs =
      paxos.role === "canvasser"
        ? Math.max(prepareSize(quorums)(list.length), acceptSize(quorums)(list.length))
        : prepareSize(quorums)(list.length);
    return `${list.filter(has).length} of ${list.length}; needs ${needs}`;
  };
  return votersOutgoing.length === 0
    ? describe(voters)
    : `${describe(voters)} (new), ${describe(votersOutgoing)} (old)`;
}
