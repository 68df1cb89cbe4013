// What a txn or a deletion of the log is going to read, found before it writes anything, so that one
// beyond its bound is refused without a trace. It comes out the same on every member: it is told by
// what is visible at or above the floor of compaction, not by what has been removed below it.
//
// Ranges see what the txn itself wrote before them, so that is counted in; what it deleted is not
// taken off, which errs on the side of refusing.

import type { DeleteRangeCommand, PutCommand, RangeOp, TxnCommand, TxnOp } from "../contract.ts";
import { keyRange, openEnd } from "../mvcc/key-range.ts";
import { type Keyspace, readPoint } from "../mvcc/keyspace.ts";
import { revisionOf } from "../mvcc/range.ts";
import { Selection, visibleAt } from "../mvcc/selection.ts";
import { commandWorkMax, type Meter, workOf } from "../mvcc/work.ts";
import type { TxnPath } from "./checks.ts";

/**
 * Single keys that a command may read without a bound: each is at most what one request may carry.
 * The usual "compare, then put, else get" stays as short in the log as it is.
 */
const freeKeysMax = 8;

/** The command with the bound that it needs in the log, if it may read much. */
export function bounded<C extends TxnCommand | DeleteRangeCommand>(command: C): C {
  const reads = keysRead(command);
  return reads <= freeKeysMax ? command : { ...command, workMax: commandWorkMax };
}

/** At most; ranges and compares of more than one key may read any number. */
function keysRead(op: TxnOp): number {
  const many = Number.POSITIVE_INFINITY;
  switch (op.kind) {
    case "range":
      // In the past a single key may have any number of versions to pass over.
      return op.rangeEnd === "" && op.revision === 0 ? 1 : many;
    case "put":
      return op.prevKv || op.ignoreValue || op.ignoreLease ? 1 : 0;
    case "deleteRange":
      return op.prevKv ? (op.rangeEnd === "" ? 1 : many) : 0;
    case "txn": {
      let keys = 0;
      for (const { rangeEnd, target } of op.compares) {
        if (rangeEnd !== "") return many;
        if (target === "value" || target === "lease") keys++;
      }
      const sum = (ops: readonly TxnOp[]) => ops.reduce((all, one) => all + keysRead(one), 0);
      return keys + Math.max(sum(op.success), sum(op.failure));
    }
  }
}

/** Charges everything that the path reads beside its compares. The meter says when it is too much. */
export function chargePath(keyspace: Keyspace, path: TxnPath, meter: Meter): void {
  const written: PutCommand[] = [];
  const visit = ({ ops, nested }: TxnPath): void => {
    for (let i = 0; i < ops.length && !meter.isExhausted; i++) {
      const op = ops[i]!;
      switch (op.kind) {
        case "put":
          if (op.prevKv || op.ignoreValue || op.ignoreLease) chargeKey(keyspace, op.key, meter);
          written.push(op);
          break;
        case "deleteRange":
          chargeDeletion(keyspace, op, meter);
          if (op.prevKv) chargeWritten(op.key, op.rangeEnd, written, meter);
          break;
        case "range":
          chargeRange(keyspace, op, meter);
          if (!op.countOnly) chargeWritten(op.key, op.rangeEnd, written, meter);
          break;
        case "txn":
          visit(nested[i]!);
      }
    }
  };
  visit(path);
}

export function chargeDeletion(
  keyspace: Keyspace,
  { key, rangeEnd, prevKv }: DeleteRangeCommand,
  meter: Meter,
): void {
  if (!prevKv) return;
  if (rangeEnd === "") {
    chargeKey(keyspace, key, meter);
    return;
  }
  const { tree, versions } = keyspace.index;
  const { start, end } = keyRange(key, rangeEnd);
  if (meter.refuses(tree.countLive(start, end) * (workOf.look + workOf.pair))) return;
  tree.ascend(start, end, (head) => {
    if (head > 0) meter.charge(workOf.look + workOf.pair + versions.size(head));
    return !meter.isExhausted;
  });
}

function chargeRange(keyspace: Keyspace, op: RangeOp, meter: Meter): void {
  const revision = revisionOf(keyspace, op);
  if (op.rangeEnd !== "") {
    new Selection(keyspace, op, readPoint(keyspace, revision), meter).step();
    return;
  }
  const { index } = keyspace;
  meter.charge(workOf.look);
  const id = visibleAt(index, index.tree.find(op.key), revision, meter);
  if (id !== 0 && !op.countOnly) meter.charge(workOf.pair + index.versions.size(id));
}

/** What the key holds now. */
function chargeKey(keyspace: Keyspace, key: string, meter: Meter): void {
  const { tree, versions } = keyspace.index;
  const head = tree.find(key);
  meter.charge(workOf.look + (head > 0 ? workOf.pair + versions.size(head) : 0));
}

/** Puts of the txn itself that the range covers. To look at one is work like any other. */
function chargeWritten(
  key: string,
  rangeEnd: string,
  written: readonly PutCommand[],
  meter: Meter,
): void {
  for (const put of written) {
    meter.charge(workOf.look);
    if (meter.isExhausted) return;
    const isCovered =
      rangeEnd === ""
        ? put.key === key
        : put.key >= key && (rangeEnd === openEnd || put.key < rangeEnd);
    if (isCovered) meter.charge(workOf.pair + put.key.length + put.value.length);
  }
}
