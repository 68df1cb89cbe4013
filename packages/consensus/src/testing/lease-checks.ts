// For as long as a leader may answer reads from its lease, nobody else can come to lead: a quorum of its voters
// has turned to nobody later. Watched as a rule, because a stale read takes a few rare steps more.

import assert from "node:assert/strict";
import type { Protocol } from "../contract.ts";
import { isAcceptQuorum, type QuorumSizes } from "../paxos/quorums.ts";
import type { Machine } from "./machine.ts";

export function checkLease<M, S>(
  protocol: Protocol<M, S>,
  leader: Machine<M, S>,
  machines: ReadonlyMap<string, Machine<M, S>>,
  nowMs: number,
  sizes: QuorumSizes,
): void {
  const { leaseUntilMs } = leader.inspection as { readonly leaseUntilMs: number };
  if (!leader.isUp || !(nowMs < leaseUntilMs)) return;
  const { epoch, membership } = leader.status;
  const isLoyal = (member: string): boolean => {
    const machine = machines.get(member);
    if (machine === undefined) return false;
    if (protocol.name !== "paxos") return machine.status.epoch <= epoch;
    return ballotOf(machine) <= ballotOf(leader);
  };
  const what = `${leader.id} answers reads of ${epoch} from a lease that is broken`;
  assert(isAcceptQuorum(sizes, membership, isLoyal), what);
}

/** In the order of ballots. */
function ballotOf<M, S>({ inspection }: Machine<M, S>): string {
  const { promised } = inspection as { promised: { round: number; proposer: string } };
  return `${promised.round}`.padStart(12, "0") + promised.proposer;
}
