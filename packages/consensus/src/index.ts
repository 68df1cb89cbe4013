export { AssertionFailure } from "./assert.ts";
export type * from "./contract.ts";
export {
  keepsLogAfterSnapshot,
  takesSnapshotsOfAnybody,
  wasInstalling,
} from "./installing/installing.ts";
export {
  decodeLogPoint,
  decodeMembership,
  decodeMembershipEntry,
  encodeLogPoint,
  encodeMembership,
  encodeMembershipEntry,
  type MembershipEntry,
} from "./membership/codec.ts";
export {
  describeMembership,
  isJoint,
  isMember,
  isVoter,
  membershipOf,
  membersOf,
  sameMembership,
  votersOf,
  whyInvalid as whyMembershipInvalid,
} from "./membership/membership.ts";
export { olderEntriesMayFollow } from "./older-entries.ts";
export { paxos } from "./paxos/paxos.ts";
export { raft } from "./raft/raft.ts";
export * as synod from "./synod/index.ts";
export { zab } from "./zab/zab.ts";
