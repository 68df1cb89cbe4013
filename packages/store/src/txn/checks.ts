// What is wrong with a txn whatever the state: shape first (of both branches), then, for the path
// that its compares chose, what depends on the state. All of it before the first write, so that a
// refused txn leaves no trace.

import type {
  Command,
  PutCommand,
  RangeOp,
  Revision,
  StoreErrorCode,
  TxnCommand,
  TxnOp,
} from "../contract.ts";
import type { Keyspace } from "../mvcc/keyspace.ts";
import type { Leases } from "../mvcc/put.ts";
import { hasDuplicates } from "./duplicates.ts";

/**
 * Doors enforce the limit that the operator set. This one only keeps a txn that came past them from
 * stopping the store; it is part of the replicated semantics and equal everywhere.
 */
const txnOpsMax = 65_536;

/** What comes before any refusal for who asks: looked for when there is one, so that it costs nobody else. */
export function shapeFault(command: Command): StoreErrorCode | undefined {
  return command.kind === "txn" ? checkShape(command) : undefined;
}

export function checkShape(txn: TxnCommand): StoreErrorCode | undefined {
  const error = checkOps(txn, txnOpsMax);
  if (error !== undefined) return error;
  return hasDuplicates(txn.success) || hasDuplicates(txn.failure) ? "duplicateKey" : undefined;
}

function checkOps(txn: TxnCommand, opsMax: number): StoreErrorCode | undefined {
  const ops = Math.max(txn.compares.length, txn.success.length, txn.failure.length);
  if (ops > opsMax) return "tooManyOps";
  for (const compare of txn.compares) if (compare.key === "") return "keyEmpty";
  for (const branch of [txn.success, txn.failure]) {
    for (const op of branch) {
      const error = checkOp(op, opsMax - ops);
      if (error !== undefined) return error;
    }
  }
  return undefined;
}

function checkOp(op: TxnOp, opsMax: number): StoreErrorCode | undefined {
  if (op.kind === "txn") return checkOps(op, opsMax);
  if (op.key === "") return "keyEmpty";
  return op.kind === "put" ? checkPutShape(op) : undefined;
}

function checkPutShape(put: PutCommand): StoreErrorCode | undefined {
  if (put.key === "") return "keyEmpty";
  if (put.ignoreValue && put.value.length > 0) return "valueProvided";
  if (put.ignoreLease && put.lease !== 0n) return "leaseProvided";
  return undefined;
}

/** Which branch each txn takes, its own and then those of the nested ones, in order. */
export interface TxnPath {
  readonly succeeded: boolean;
  readonly ops: readonly TxnOp[];
  /** Beside `ops`: set where the op is a txn. */
  readonly nested: readonly (TxnPath | undefined)[];
}

/** Puts of the whole path first, then ranges: the order in which etcd finds errors. */
export function checkPath(
  keyspace: Keyspace,
  leases: Leases,
  path: TxnPath,
): StoreErrorCode | undefined {
  return (
    eachOp(path, (op) => (op.kind === "put" ? checkPut(keyspace, leases, op) : undefined)) ??
    eachOp(path, (op) => (op.kind === "range" ? checkRange(keyspace, op) : undefined))
  );
}

function checkPut(keyspace: Keyspace, leases: Leases, put: PutCommand): StoreErrorCode | undefined {
  if ((put.ignoreValue || put.ignoreLease) && !keyspace.exists(put.key)) return "keyNotFound";
  return put.lease !== 0n && !leases.exists(put.lease) ? "leaseNotFound" : undefined;
}

function checkRange(keyspace: Keyspace, range: RangeOp): StoreErrorCode | undefined {
  return revisionFault(range.revision, keyspace.revision, keyspace.compactRevision);
}

/** Unlike of a range by itself, a negative revision is a revision here. */
export function revisionFault(
  revision: Revision,
  newest: Revision,
  floor: Revision,
): StoreErrorCode | undefined {
  if (revision === 0) return undefined;
  if (revision > newest) return "futureRevision";
  return revision < floor ? "compacted" : undefined;
}

function eachOp(
  path: TxnPath,
  check: (op: TxnOp) => StoreErrorCode | undefined,
): StoreErrorCode | undefined {
  for (let i = 0; i < path.ops.length; i++) {
    const nested = path.nested[i];
    const error = nested === undefined ? check(path.ops[i]!) : eachOp(nested, check);
    if (error !== undefined) return error;
  }
  return undefined;
}
