// Leadership transfer. The papers know none, so this is the simplest that is safe: stop taking
// proposals, bring the target up to date, then give up and vote for it in the election that follows.
// Its history is as good as any, and the vote says that it is preferred among equals; everything that
// safety needs is done by discovery and synchronization as after any election.

import type { MemberId, Token } from "../contract.ts";
import { type Leadership, type Peer, peerOf } from "./leadership.ts";
import { reject } from "./outbox.ts";
import { feed } from "./replication.ts";
import { becomeLooking } from "./role.ts";
import type { Transfer, Zab } from "./self.ts";
import { bestSuccessor, isIncomingVoter, nearestSuccessor } from "./successor.ts";
import { historyOf } from "./vote.ts";

/** Checks of the quorum to wait after an attempt that may have failed. */
const checksBetweenHandovers = 10;

export function transferLeadership(zab: Zab, to: MemberId, token: Token): void {
  if (zab.leadership?.phase !== "broadcast") {
    reject(zab, token, "notLeader");
  } else if (zab.transfer !== undefined) {
    reject(zab, token, "leadershipTransferInProgress");
  } else if (to === zab.settings.id) {
    zab.outbox.answers.push({ kind: "transferred", token });
  } else if (!isIncomingVoter(zab, to)) {
    reject(zab, token, "transfereeInvalid");
  } else {
    begin(zab, to, token, false);
  }
}

/** This member is not fit to lead: to a follower that can, or else to nobody. */
export function stepDown(zab: Zab): void {
  const { leadership, looking, transfer, settings } = zab;
  if (zab.following !== undefined) return;
  if (looking !== undefined) {
    // It still votes, for others.
    zab.abstainTicks = settings.electionTicks;
    if (looking.vote?.leader === settings.id) {
      looking.vote = undefined;
      looking.votes.delete(settings.id);
      looking.notifyDue = true;
    }
  } else if (transfer !== undefined) {
    zab.transfer = { ...transfer, thenStepDown: true };
  } else {
    const isEstablished = leadership?.phase === "broadcast";
    const successor = isEstablished
      ? (bestSuccessor(zab, leadership) ?? nearestSuccessor(zab, leadership, []))
      : undefined;
    if (successor === undefined) giveUp(zab);
    else begin(zab, successor.id, undefined, true);
  }
}

/** A leader's turn ends: the target may have caught up. */
export function maybeCompleteTransfer(zab: Zab, leadership: Leadership): void {
  const { transfer } = zab;
  if (transfer === undefined) return;
  const peer = peerOf(leadership, transfer.to);
  if (peer === undefined || !peer.upToDateSent || peer.progress.match !== zab.log.lastIndex) return;
  transfer.ticksLeft = 2 * zab.settings.electionTicks;
  handOver(zab, leadership, peer, transfer.thenStepDown);
}

/** Gives up in favour of a follower whose history is the same. */
export function handOver(
  zab: Zab,
  leadership: Leadership,
  peer: Peer,
  thenStepDown: boolean,
): void {
  for (const each of leadership.peers) if (each.stage === "fed") feed(zab, leadership, each);
  const { priority } = peer.progress;
  if (thenStepDown) zab.abstainTicks = zab.settings.electionTicks;
  becomeLooking(zab, { leader: peer.id, ...historyOf(zab), isPreferred: true, priority });
}

export function tickTransfer(zab: Zab): void {
  const { transfer } = zab;
  if (transfer === undefined) return;
  const leads = zab.leadership !== undefined;
  if (leads && !isIncomingVoter(zab, transfer.to)) {
    end(zab, "transfereeInvalid");
  } else if (--transfer.ticksLeft <= 0) {
    if (waitsOn(zab, transfer)) return;
    end(zab, "timedOut");
  } else {
    return;
  }
  if (leads && transfer.thenStepDown) giveUp(zab);
}

/** At each check of the quorum: does somebody of higher priority have all that is committed? */
export function maybeHandOver(zab: Zab, leadership: Leadership): void {
  if (--leadership.checksUntilHandover > 0 || zab.transfer !== undefined) return;
  leadership.checksUntilHandover = 0;
  if (leadership.phase !== "broadcast") return;
  const successor = bestSuccessor(zab, leadership);
  if (successor === undefined || successor.progress.priority <= zab.settings.priority) return;
  if (successor.progress.match < zab.commitIndex) return;
  leadership.checksUntilHandover = checksBetweenHandovers;
  begin(zab, successor.id, undefined, false);
}

function giveUp(zab: Zab): void {
  zab.abstainTicks = zab.settings.electionTicks;
  becomeLooking(zab);
}

/**
 * Who must not lead any more, and alone holds what is committed, waits for a follower for as long as it
 * comes nearer: if it gave up before, nobody could lead.
 */
function waitsOn(zab: Zab, transfer: Transfer): boolean {
  const { leadership } = zab;
  if (leadership === undefined || !transfer.thenStepDown) return false;
  const nearest = nearestSuccessor(zab, leadership, []);
  // One that holds all can be elected without being handed the lead.
  if (nearest === undefined || nearest.progress.match >= zab.log.lastIndex) return false;
  const waited = peerOf(leadership, transfer.to);
  const isNearer =
    waited && (waited.progress.match > transfer.matchBefore || waited.stage === "snapshot");
  const tried = isNearer ? [] : [...transfer.tried, transfer.to];
  const next = isNearer ? waited : nearestSuccessor(zab, leadership, tried);
  if (next === undefined) return false;
  end(zab, "timedOut");
  begin(zab, next.id, undefined, true, tried);
  return true;
}

function begin(
  zab: Zab,
  to: MemberId,
  token: Token | undefined,
  thenStepDown: boolean,
  tried: readonly MemberId[] = [],
): void {
  const ticksLeft = zab.settings.electionTicks;
  const matchBefore = zab.leadership ? (peerOf(zab.leadership, to)?.progress.match ?? 0) : 0;
  zab.transfer = { to, token, thenStepDown, tried, matchBefore, ticksLeft };
}

function end(zab: Zab, reason: "timedOut" | "transfereeInvalid"): void {
  const token = zab.transfer?.token;
  zab.transfer = undefined;
  if (token !== undefined) reject(zab, token, reason);
}
