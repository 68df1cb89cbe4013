// The space quota: a write that would reach it is refused and raises the NOSPACE alarm for the whole
// cluster, which then refuses writes everywhere until an operator has made room and disarmed it.

import { encodeCommand } from "@althing/store";
import type { OpMessage, PutMessage, TxnMessage } from "@althing/wire";
import type { DoorContext } from "../context.ts";

const quotaDefault = 2 * 1024 * 1024 * 1024;
const putOverheadBytes = 256;

export class Quota {
  readonly bytesMax: number;
  private readonly context: DoorContext;
  private isRaising = false;

  constructor(context: DoorContext) {
    this.context = context;
    const configured = context.quotaBackendBytes;
    this.bytesMax = configured === 0 ? quotaDefault : configured;
  }

  /** Nothing but puts can be refused for want of space. */
  allows(request: PutMessage | TxnMessage): boolean {
    if (this.bytesMax < 0) return true;
    const { store } = this.context.member;
    const cost = request.kind === "put" ? putCost(request) : txnCost(request);
    if (cost === 0 || store.bytes + cost < this.bytesMax) return true;
    this.raise();
    return false;
  }

  private raise(): void {
    const { member } = this.context;
    const raised = member.store
      .alarms()
      .some((alarm) => alarm.member === member.id && alarm.alarm === "nospace");
    if (raised || this.isRaising) return;
    this.isRaising = true;
    this.context.observe({ kind: "quotaExceeded", level: "warn", bytes: member.store.bytes });
    const command = encodeCommand({
      kind: "alarm",
      action: "activate",
      member: member.id,
      alarm: "nospace",
    });
    member.propose(command, () => {
      this.isRaising = false;
    });
  }
}

function putCost(put: PutMessage): number {
  return putOverheadBytes + put.key.length + put.value.length;
}

/** The dearer branch: which one will run is not known yet. */
function txnCost(txn: TxnMessage): number {
  return Math.max(branchCost(txn.success), branchCost(txn.failure));
}

function branchCost(ops: readonly OpMessage[]): number {
  let cost = 0;
  for (const op of ops) {
    if (op.kind === "put") cost += putCost(op);
    else if (op.kind === "txn") cost += txnCost(op);
  }
  return cost;
}
