// The space quota: a write that would reach it is refused and raises the NOSPACE alarm for the whole
// cluster, which then refuses writes everywhere until an operator has made room and disarmed it. What
// counts is the space in use: the store's file never shrinks, it takes up again what was given back.

import { encodeCommand } from "@althing/store";
import type { OpMessage, PutMessage, TxnMessage } from "@althing/wire";
import type { DoorContext } from "../../context.ts";

const quotaDefault = 2 * 1024 * 1024 * 1024;
const putOverheadBytes = 256;
/** What is let in before the store is asked anew: its engine counts pages to tell. */
const trustedBytes = 64 * 1024;

export class Quota {
  readonly bytesMax: number;
  private readonly context: DoorContext;
  private isRaising = false;
  private measured = 0;
  /** Cost of what was let in since. */
  private admitted = trustedBytes;

  constructor(context: DoorContext) {
    this.context = context;
    const configured = context.quotaBackendBytes;
    this.bytesMax = configured === 0 ? quotaDefault : configured;
  }

  /** Nothing but puts can be refused for want of space. */
  allows(request: PutMessage | TxnMessage): boolean {
    if (this.bytesMax < 0) return true;
    const cost = request.kind === "put" ? putCost(request) : txnCost(request);
    if (cost === 0 || this.hasRoomFor(cost)) return true;
    this.raise();
    return false;
  }

  /** Nothing is refused on an old measurement. */
  private hasRoomFor(cost: number): boolean {
    if (this.admitted >= trustedBytes || this.measured + this.admitted + cost >= this.bytesMax) {
      this.measured = this.context.store.bytesInUse;
      this.admitted = 0;
    }
    if (this.measured + cost >= this.bytesMax) return false;
    this.admitted += cost;
    return true;
  }

  private raise(): void {
    const { member, store } = this.context;
    const raised = store
      .alarms()
      .some((alarm) => alarm.member === member.id && alarm.alarm === "nospace");
    if (raised || this.isRaising) return;
    this.isRaising = true;
    this.context.observe({ kind: "quotaExceeded", level: "warn", bytes: store.bytesInUse });
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
