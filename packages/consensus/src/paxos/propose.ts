// Proposals take slots here (Paxos Made Simple §3): first the leader proposes again what phase 1 found,
// and a no-op where it found nothing, then what it is asked to, one slot after the other and as many
// at once as come. It never proposes beyond a membership that is not chosen yet.

import type { EntryKind, Index, Proposal } from "../contract.ts";
import { reject } from "../outbox/outbox.ts";
import { maybeCommit } from "./commit.ts";
import { type Leadership, leadershipOf } from "./leadership.ts";
import { acceptIn } from "./log-writer.ts";
import type { Paxos } from "./self.ts";

const nothing = new Uint8Array(0);

export function propose(paxos: Paxos, proposals: readonly Proposal[]): void {
  const { leadership } = paxos;
  const { uncommittedBytesMax } = paxos.settings.limits;
  for (const proposal of proposals) {
    const { token, payload } = proposal;
    if (leadership === undefined) {
      reject(paxos, token, "notLeader");
    } else if (paxos.transfer !== undefined) {
      reject(paxos, token, "leadershipTransferInProgress");
    } else if (
      leadership.uncommittedBytes > 0 &&
      leadership.uncommittedBytes + payload.length > uncommittedBytesMax
    ) {
      // One entry may always be under way, however large, or it could never be proposed.
      reject(paxos, token, "overloaded");
    } else {
      leadership.uncommittedBytes += payload.length;
      if (canPropose(leadership)) proposeCommand(paxos, leadership, proposal);
      else leadership.waiting.push(proposal);
    }
  }
}

/** New values may be proposed: phase 1 is done for the slots ahead, and obliges to nothing more. */
export function canPropose(leadership: Leadership): boolean {
  const { barrier, isPrepared, nextSlot, preparation, waiting } = leadership;
  const isFree = nextSlot > preparation.foundUpTo;
  return isPrepared && barrier === undefined && isFree && waiting.length === 0;
}

/** Slots may have become open: phase 1 is done, or told more, or a membership was chosen. */
export function openSlots(paxos: Paxos): void {
  const leadership = leadershipOf(paxos);
  while (mayProposeAgain(leadership)) proposeAgain(paxos, leadership);
  if (leadership.waiting.length > 0) proposeWaiting(paxos, leadership);
  maybeCommit(paxos);
}

/** The next slot gets a value of this ballot. */
export function proposeNext(
  paxos: Paxos,
  leadership: Leadership,
  kind: EntryKind,
  payload: Uint8Array,
): Index {
  const index = leadership.nextSlot++;
  const { round, proposer } = paxos.promised;
  acceptIn(paxos, { index, epoch: round, proposer, kind, payload });
  if (kind === "membership") leadership.barrier = index;
  return index;
}

/**
 * A chosen value may be proposed by anybody. Any other only once a quorum of the membership that
 * governs the slot has told what it accepted there.
 */
function mayProposeAgain({ barrier, isPrepared, nextSlot, preparation }: Leadership): boolean {
  if (barrier !== undefined || nextSlot > preparation.foundUpTo) return false;
  return isPrepared || preparation.chosen.has(nextSlot);
}

/** What may have been chosen in the slot, or a no-op if nothing can have been. */
function proposeAgain(paxos: Paxos, leadership: Leadership): void {
  const { preparation, nextSlot: index } = leadership;
  const found = preparation.found.get(index);
  preparation.found.delete(index);
  leadership.uncommittedBytes += found?.payload.length ?? 0;
  proposeNext(paxos, leadership, found?.kind ?? "noop", found?.payload ?? nothing);
}

function proposeWaiting(paxos: Paxos, leadership: Leadership): void {
  const waiting = leadership.waiting;
  leadership.waiting = [];
  if (!canPropose(leadership)) {
    leadership.waiting = waiting;
    return;
  }
  for (const proposal of waiting) proposeCommand(paxos, leadership, proposal);
}

function proposeCommand(paxos: Paxos, leadership: Leadership, proposal: Proposal): void {
  const { token, payload } = proposal;
  const index = proposeNext(paxos, leadership, "command", payload);
  paxos.outbox.answers.push({ kind: "accepted", token, index, epoch: paxos.promised.round });
}
