// The numbers of the command encoding. They are written into logs and snapshots: append, never
// renumber. Lists are encoded by position.

import type { AlarmKind, CompareResult, SortOrder, SortTarget } from "../contract.ts";

/** Free for the commands to come: 10 and up, in blocks of ten per concern (leases 10, auth 20). */
export const commandNumbers = {
  put: 1,
  deleteRange: 2,
  txn: 3,
  /** Only inside a txn. */
  range: 4,
  compact: 5,
  alarm: 6,
  publishMember: 7,
  removeMember: 8,
  leaseGrant: 10,
  leaseRevoke: 11,
  leaseCheckpoint: 12,
  /** As publishMember, of one that was added to vote and does not yet. */
  publishFutureVoter: 9,
  /** Around another command: for whom it is. */
  authorized: 20,
  auth: 21,
  /** Around a txn or a deletion: what it may read, in the units of `workOf`. */
  bounded: 30,
} as const;

export const putFlags = { prevKv: 1, ignoreValue: 2, ignoreLease: 4, lease: 8 } as const;
export const putFlagsAll = 15;

/** `firstNumber << i` says that field i of `rangeNumberFields` is not zero and follows. */
export const rangeFlags = { keysOnly: 1, countOnly: 2, firstNumber: 4 } as const;
export const rangeNumberFields = [
  "limit",
  "revision",
  "minModRevision",
  "maxModRevision",
  "minCreateRevision",
  "maxCreateRevision",
] as const;

export const sortOrders: readonly SortOrder[] = ["none", "ascend", "descend"];
export const sortTargets: readonly SortTarget[] = ["key", "version", "create", "mod", "value"];
export const compareResults: readonly CompareResult[] = [
  "equal",
  "greater",
  "less",
  "notEqual",
  "unknown",
];
export const compareTargets = ["version", "create", "mod", "value", "lease"] as const;
export const alarmNumbers: readonly AlarmKind[] = ["nospace", "corrupt"];

/** Txns nested deeper than this are refused by the decoder. */
export const txnDepthMax = 128;
