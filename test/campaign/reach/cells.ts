// All that a core may be asked in all that it may be: what there is to be reached. The names come from the types of the
// cores, so a new message, input, effect or reason does not compile until it is on the list.

import type { Effect, Input, RejectReason } from "@althing/consensus";
import type { MessageKind as PaxosKind } from "../../../packages/consensus/src/paxos/messages.ts";
import type { MessageKind as RaftKind } from "../../../packages/consensus/src/raft/messages.ts";
import type { MessageKind as ZabKind } from "../../../packages/consensus/src/zab/messages.ts";

type All<Kind extends string> = Readonly<Record<Kind, true>>;

const raftKinds: All<RaftKind> = {
  preVoteRequest: true,
  preVoteResponse: true,
  voteRequest: true,
  voteResponse: true,
  appendRequest: true,
  appendResponse: true,
  appendRefusal: true,
  heartbeatRequest: true,
  heartbeatResponse: true,
  commitNotice: true,
  readRequest: true,
  readResponse: true,
  readRefusal: true,
  timeoutNow: true,
};

const paxosKinds: All<PaxosKind> = {
  canvassRequest: true,
  canvassResponse: true,
  prepareRequest: true,
  promise: true,
  acceptRequest: true,
  acceptResponse: true,
  refusal: true,
  heartbeatRequest: true,
  heartbeatResponse: true,
  commitNotice: true,
  readRequest: true,
  readResponse: true,
  readRefusal: true,
  takeOver: true,
};

const zabKinds: All<ZabKind> = {
  notification: true,
  followerInfo: true,
  leaderInfo: true,
  ackEpoch: true,
  diff: true,
  trunc: true,
  snap: true,
  newLeader: true,
  ackNewLeader: true,
  upToDate: true,
  proposal: true,
  inform: true,
  commit: true,
  ack: true,
  ping: true,
  pong: true,
  syncRequest: true,
  syncResponse: true,
  syncRefusal: true,
};

/** `applied` finds no handler of a protocol, and `receive` is told by its message. */
const inputs: All<Exclude<Input<never>["kind"], "receive" | "applied">> = {
  tick: true,
  propose: true,
  read: true,
  persisted: true,
  changeMembership: true,
  transferLeadership: true,
  compact: true,
  disconnected: true,
  connected: true,
  unreachable: true,
  snapshotSent: true,
  snapshotReceived: true,
  snapshotInstalled: true,
  campaign: true,
  stepDown: true,
  fitness: true,
};

const effects: All<Effect<never, never>["kind"]> = {
  persist: true,
  send: true,
  apply: true,
  readReady: true,
  accepted: true,
  rejected: true,
  transferred: true,
  sendSnapshot: true,
  installSnapshot: true,
  roleChanged: true,
  membershipChanged: true,
  membershipSettled: true,
};

const reasons: All<RejectReason> = {
  notLeader: true,
  leadershipTransferInProgress: true,
  membershipChangeInProgress: true,
  membershipChangeInvalid: true,
  learnerNotCaughtUp: true,
  transfereeInvalid: true,
  overloaded: true,
  leadershipLost: true,
  timedOut: true,
};

const phases = ["discovery", "synchronization", "broadcast"];
const ofPhases = (role: string) => phases.map((phase) => `${role} ${phase}`);

/**
 * As the cores call them; a learner is told from a follower, and Zab's phases from each other. A member that installs a
 * snapshot takes messages by a row of its own, whatever its role (`installing/`).
 */
const roles = {
  raft: ["follower", "learner", "preCandidate", "candidate", "leader", "installing"],
  paxos: ["follower", "learner", "canvasser", "candidate", "leader", "installing"],
  zab: [
    "looking",
    ...ofPhases("following"),
    ...ofPhases("observing"),
    ...ofPhases("leading"),
    "installing",
  ],
};

const kinds = { raft: raftKinds, paxos: paxosKinds, zab: zabKinds };

/** Under a joint membership, handing leadership over. */
export const conditions = ["", "joint", "transfer", "joint transfer"] as const;

export interface Cell {
  readonly role: string;
  readonly asked: string;
  readonly when: (typeof conditions)[number];
}

export function cellsOf(protocol: "raft" | "paxos" | "zab"): Cell[] {
  const asked = [...Object.keys(inputs), ...Object.keys(kinds[protocol])];
  return roles[protocol].flatMap((role) =>
    asked.flatMap((one) => conditions.map((when) => ({ role, asked: one, when }))),
  );
}

export function nameOfCell({ role, asked, when }: Cell): string {
  return `${role}/${asked}/${when}`;
}

export const effectKinds = Object.keys(effects);
export const rejectReasons = Object.keys(reasons);
