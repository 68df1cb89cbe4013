// What a command may add to the store, as etcd estimates it: the proposer raises NOSPACE when the
// allocated bytes and this reach the quota. An estimate of the door's, never part of apply.

import type { Command, TxnOp } from "../contract.ts";

const putOverheadBytes = 256;
const leaseBytes = 64;

export function costOf(command: Command | TxnOp): number {
  switch (command.kind) {
    case "put":
      return putOverheadBytes + command.key.length + command.value.length;
    case "leaseGrant":
      return leaseBytes;
    case "txn":
      return Math.max(sumOf(command.success), sumOf(command.failure));
    case "range":
    case "deleteRange":
    case "compact":
    case "alarm":
    case "publishMember":
    case "removeMember":
    case "leaseRevoke":
    case "leaseCheckpoint":
    case "auth":
      return 0;
  }
}

function sumOf(ops: readonly TxnOp[]): number {
  return ops.reduce((sum, op) => sum + costOf(op), 0);
}
