// A txn: all compares at all levels are resolved against the state before it, then everything that
// could fail is checked, then the operations run in order and see each other's writes.

import type { RangeResult, StoreErrorCode, TxnCommand, TxnOp, TxnResult } from "../contract.ts";
import { deleteRange } from "../mvcc/delete-range.ts";
import type { Keyspace } from "../mvcc/keyspace.ts";
import { type Leases, put } from "../mvcc/put.ts";
import { readRange } from "../mvcc/range.ts";
import { checkPath, checkShape, type TxnPath } from "./checks.ts";
import { holds } from "./compare.ts";

export function runTxn(
  keyspace: Keyspace,
  leases: Leases,
  txn: TxnCommand,
): TxnResult | StoreErrorCode {
  const malformed = checkShape(txn);
  if (malformed !== undefined) return malformed;
  const path = resolve(keyspace, txn);
  const refused = checkPath(keyspace, leases, path);
  return refused ?? execute(keyspace, path);
}

/** Whether a put is in either branch, at any level: such a txn needs space. */
export function mayPut(txn: TxnCommand): boolean {
  const puts = (op: TxnOp): boolean => op.kind === "put" || (op.kind === "txn" && mayPut(op));
  return txn.success.some(puts) || txn.failure.some(puts);
}

export function onlyReads(txn: TxnCommand): boolean {
  const reads = (op: TxnOp): boolean => op.kind === "range" || (op.kind === "txn" && onlyReads(op));
  return txn.success.every(reads) && txn.failure.every(reads);
}

function resolve(keyspace: Keyspace, txn: TxnCommand): TxnPath {
  const succeeded = txn.compares.every((compare) => holds(keyspace, compare));
  const ops = succeeded ? txn.success : txn.failure;
  const nested = ops.map((op) => (op.kind === "txn" ? resolve(keyspace, op) : undefined));
  return { succeeded, ops, nested };
}

function execute(keyspace: Keyspace, path: TxnPath): TxnResult {
  const responses = path.ops.map((op, i) => executeOp(keyspace, op, path.nested[i]));
  return {
    kind: "txn",
    revision: keyspace.visibleRevision,
    succeeded: path.succeeded,
    responses,
  };
}

function executeOp(
  keyspace: Keyspace,
  op: TxnOp,
  nested: TxnPath | undefined,
): TxnResult["responses"][number] {
  switch (op.kind) {
    case "put":
      return put(keyspace, op);
    case "deleteRange":
      return deleteRange(keyspace, op);
    case "range":
      return checked(readRange(keyspace, op));
    case "txn":
      return execute(keyspace, nested!);
  }
}

function checked(result: RangeResult | StoreErrorCode): RangeResult {
  if (typeof result === "string") throw new Error(`a checked range failed: ${result}`);
  return result;
}
