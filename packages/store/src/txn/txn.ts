// A txn: all compares at all levels are resolved against the state before it, then everything that
// could fail is checked, then the operations run in order and see each other's writes.

import type { RangeResult, StoreErrorCode, TxnCommand, TxnOp, TxnResult } from "../contract.ts";
import { deleteRange } from "../mvcc/delete-range.ts";
import { type Keyspace, readPoint } from "../mvcc/keyspace.ts";
import { type Leases, put } from "../mvcc/put.ts";
import { readRange } from "../mvcc/range.ts";
import { Meter } from "../mvcc/work.ts";
import { checkPath, checkShape, type TxnPath } from "./checks.ts";
import { Comparison } from "./compare.ts";
import { chargePath } from "./path-work.ts";

export function runTxn(
  keyspace: Keyspace,
  leases: Leases,
  txn: TxnCommand,
): TxnResult | StoreErrorCode {
  const path = pathOf(keyspace, leases, txn, new Meter(txn.workMax));
  return typeof path === "string" ? path : execute(keyspace, path);
}

/** The way that a txn takes, once everything that could refuse it has been looked at. */
export function pathOf(
  keyspace: Keyspace,
  leases: Leases,
  txn: TxnCommand,
  meter: Meter,
): TxnPath | StoreErrorCode {
  const malformed = checkShape(txn);
  if (malformed !== undefined) return malformed;
  const path = resolve(keyspace, txn, meter);
  if (path === undefined) return "tooCostly";
  const refused = checkPath(keyspace, leases, path);
  if (refused !== undefined || txn.workMax === undefined) return refused ?? path;
  chargePath(keyspace, path, meter);
  return meter.isExhausted ? "tooCostly" : path;
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

/** Undefined: to find out which way the txn goes costs more than it may. */
function resolve(keyspace: Keyspace, txn: TxnCommand, meter: Meter): TxnPath | undefined {
  const at = readPoint(keyspace, keyspace.visibleRevision);
  let succeeded = true;
  for (const compare of txn.compares) {
    const holds = new Comparison(keyspace, compare, at, meter).step();
    if (meter.isExhausted) return undefined;
    succeeded = holds === true;
    if (!succeeded) break;
  }
  const ops = succeeded ? txn.success : txn.failure;
  const nested: (TxnPath | undefined)[] = [];
  for (const op of ops) {
    const path = op.kind === "txn" ? resolve(keyspace, op, meter) : undefined;
    if (op.kind === "txn" && path === undefined) return undefined;
    nested.push(path);
  }
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
