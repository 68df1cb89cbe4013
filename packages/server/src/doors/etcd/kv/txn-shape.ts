// What a checked txn needs: a place in the log or only a read, a read point or not; and its translation into
// the store's words where the request used enum numbers that the API does not know.

import type { Compare, TxnCommand } from "@althing/store";
import type { CompareMessage, OpMessage, TxnMessage } from "@althing/wire";

/** Only top-level ranges, in both branches. A nested txn is logged even if it only reads. */
export function isReadOnly(txn: TxnMessage): boolean {
  return txn.success.every(isRange) && txn.failure.every(isRange);
}

/** A txn without any operation is evaluated on local state, as are serializable ranges. */
export function needsReadPoint(txn: TxnMessage): boolean {
  return txn.success.some(isLinearizable) || txn.failure.some(isLinearizable);
}

export function normalizeTxn(txn: TxnMessage): TxnCommand {
  if (!hasUnknownTarget(txn)) {
    // Checked before: no "none" operation and no unknown sort option is left in it.
    return txn as TxnCommand;
  }
  const branch = (ops: readonly OpMessage[]) =>
    ops.map((op) => (op.kind === "txn" ? normalizeTxn(op) : op)) as TxnCommand["success"];
  return {
    kind: "txn",
    compares: txn.compares.map(normalizeCompare),
    success: branch(txn.success),
    failure: branch(txn.failure),
  };
}

/** etcd compares nothing with nothing for an unknown target: equal holds, the others do not. */
function normalizeCompare(compare: CompareMessage): Compare {
  if (compare.target !== "unknown") return compare as Compare;
  const { key, rangeEnd } = compare;
  const holds = compare.result === "equal" || compare.result === "unknown";
  // No version is below zero, and an unknown relation always holds.
  return { key, rangeEnd, result: holds ? "unknown" : "less", target: "version", value: 0 };
}

function hasUnknownTarget(txn: TxnMessage): boolean {
  const within = (op: OpMessage) => op.kind === "txn" && hasUnknownTarget(op);
  return (
    txn.compares.some((compare) => compare.target === "unknown") ||
    txn.success.some(within) ||
    txn.failure.some(within)
  );
}

function isRange(op: OpMessage): boolean {
  return op.kind === "range";
}

function isLinearizable(op: OpMessage): boolean {
  return op.kind === "range" && !op.serializable;
}
