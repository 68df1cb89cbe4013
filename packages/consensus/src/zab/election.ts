// Fast leader election as ZooKeeper runs it: members that look tell each other whom they would have,
// change over to whoever is better, and act once a quorum is of one mind and has stayed so for a
// moment. Nothing of safety rests on it: a leader without the latest history fails in discovery.

import type { MemberId } from "../contract.ts";
import { isVoter, votersOf } from "../membership/membership.ts";
import { send } from "../outbox/outbox.ts";
import { isQuorum } from "../quorum/quorum.ts";
import { restartSession } from "./following.ts";
import type { Looking } from "./looking.ts";
import { releasePromise } from "./loyalty.ts";
import type { MessageOf, Vote } from "./messages.ts";
import {
  becomeFollowing,
  becomeLeading,
  becomeLooking,
  resumeLooking,
  standAside,
} from "./role.ts";
import { membership, type Zab } from "./self.ts";
import {
  compareHistories,
  hearsLately,
  historyOf,
  isBetterVote,
  isCutOff,
  isPromotable,
  isSameVote,
  ownVote,
} from "./vote.ts";

type Notification = MessageOf<"notification">;

/** Somebody asked for an election: this member stands, whatever its priority. */
export function campaign(zab: Zab): void {
  if (zab.role === "leading" || !isPromotable(zab)) return;
  zab.abstainTicks = 0;
  becomeLooking(zab);
  zab.looking!.isPreferred = true;
}

export function handleNotification(zab: Zab, from: MemberId, message: Notification): void {
  const { looking } = zab;
  zab.epochHeard = Math.max(zab.epochHeard, message.epoch);
  if (looking !== undefined) {
    looking.heard.set(from, looking.ticks);
    // Who stood aside offers itself as soon as it hears enough of the others.
    if (looking.vote === undefined && ownVote(zab, looking.isPreferred) !== undefined) {
      looking.isFresh = true;
    }
    if (message.state === "looking") handleVote(zab, looking, from, message);
    else handleDecided(zab, looking, from, message);
    return;
  }
  if (message.state !== "looking") {
    // Two that lead: the epoch tells which of them is of the past.
    const isPast = zab.leadership !== undefined && message.epoch > zab.acceptedEpoch;
    if (isPast && message.state === "leading") becomeLooking(zab);
    if (message.state === "leading") noteInvited(zab, from);
    return;
  }
  if (zab.following?.leader === from && message.round > zab.round) {
    // The leader looks for a leader: it gave up, and holds nobody to what was promised to it. Of an
    // earlier epoch this may be its word of long ago, from before a restart that counted rounds anew.
    if (message.epoch >= zab.acceptedEpoch) releasePromise(zab, from);
    becomeLooking(zab);
    handleNotification(zab, from, message);
    return;
  }
  if (isForsaken(zab, from, message)) {
    resumeLooking(zab);
    handleNotification(zab, from, message);
    return;
  }
  notify(zab, from);
}

/** The own leader invites only whom it does not know to follow: the session is over on its side. */
function noteInvited(zab: Zab, from: MemberId): void {
  const { following } = zab;
  if (following?.leader !== from) return;
  // The beginning of a session may have crossed the invitation.
  if (following.phase === "discovery" && following.resendTicks === 0) return;
  restartSession(zab, following);
}

/** Elected by this member, and now in the same round for somebody better. */
function isForsaken(zab: Zab, from: MemberId, { round, vote }: Notification): boolean {
  const { following } = zab;
  if (following?.leader !== from || following.phase !== "discovery") return false;
  return round === zab.round && vote !== undefined && vote.leader !== from;
}

/** A turn ends, or time passed: form the own vote, tell it, and see whether it is decided. */
export function look(zab: Zab): void {
  const looking = zab.looking;
  if (looking === undefined) return;
  if (looking.isFresh) {
    looking.isFresh = false;
    adopt(zab, looking, ownVote(zab, looking.isPreferred));
  }
  considerVotes(zab, looking);
  if (!looking.notifyDue) return;
  looking.notifyDue = false;
  // Those who still look hear of a decision at once, instead of when they ask.
  tellAll(zab, looking);
}

export function tickLooking(zab: Zab, looking: Looking): void {
  const { id, electionTicks } = zab.settings;
  looking.ticks++;
  if (looking.vote?.leader === id && !looking.vote.isPreferred && isCutOff(zab, looking)) {
    standAside(zab, looking);
    return;
  }
  if (++looking.notifyTicks >= looking.notifyInterval) {
    looking.notifyTicks = 0;
    looking.notifyInterval = Math.min(looking.notifyInterval * 2, electionTicks);
    looking.notifyDue = true;
    // Who could not offer itself before, or was about to replace its log, may now.
    if (looking.vote === undefined) looking.isFresh = true;
  }
  if (looking.finalizeTicks !== undefined && --looking.finalizeTicks <= 0) conclude(zab, looking);
  else if (looking.ticks >= electionTicks) considerDecided(zab, looking);
}

function handleVote(zab: Zab, looking: Looking, from: MemberId, message: Notification): void {
  looking.others.delete(from);
  if (message.round < zab.round) {
    notify(zab, from);
    return;
  }
  if (looking.isFresh) {
    looking.isFresh = false;
    adopt(zab, looking, ownVote(zab, looking.isPreferred));
  }
  if (message.round > zab.round) {
    zab.round = message.round;
    looking.votes.clear();
    adopt(zab, looking, ownVote(zab, looking.isPreferred));
  }
  const vote = message.vote;
  if (!isHeeded(zab, looking, from)) return;
  if (vote === undefined) {
    looking.votes.delete(from);
  } else {
    looking.votes.set(from, vote);
    // Nor does a member that offers nobody support a history older than its own: it could not lead.
    const isFit = compareHistories(vote, historyOf(zab)) >= 0;
    if (isFit && isBetterVote(vote, looking.vote)) {
      adopt(zab, looking, vote);
    }
  }
}

/** From a member that follows or leads: join them, if enough of them say so and the leader agrees. */
function handleDecided(zab: Zab, looking: Looking, from: MemberId, message: Notification): void {
  looking.others.set(from, message);
  // Of this round it is a vote like any other: its sender was only quicker to decide.
  if (message.round === zab.round && message.vote !== undefined) {
    looking.votes.set(from, message.vote);
  } else {
    looking.votes.delete(from);
  }
  considerDecided(zab, looking);
}

function considerDecided(zab: Zab, looking: Looking): void {
  const { id, electionTicks } = zab.settings;
  // A member whose own membership cannot tell takes the leader's word. The session will show.
  const isCredulous = !isVoter(membership(zab), id) || looking.ticks >= electionTicks;
  for (const [leader, says] of looking.others) {
    if (says.state !== "leading" || leader === id) continue;
    const supports = (member: MemberId) =>
      member === id || looking.others.get(member)?.vote?.leader === leader;
    if (!isCredulous && !isQuorum(membership(zab), supports)) continue;
    zab.round = Math.max(zab.round, says.round);
    zab.vote = says.vote;
    becomeFollowing(zab, leader);
    return;
  }
}

function considerVotes(zab: Zab, looking: Looking): void {
  const { vote, votes } = looking;
  const agrees = (member: MemberId) => vote !== undefined && isSameVote(votes.get(member), vote);
  if (!isQuorum(membership(zab), agrees)) {
    looking.finalizeTicks = undefined;
    return;
  }
  // When all have spoken there is nobody left to wait for.
  if (votersOf(membership(zab)).every(agrees)) conclude(zab, looking);
  else looking.finalizeTicks ??= zab.settings.heartbeatTicks;
}

function conclude(zab: Zab, looking: Looking): void {
  const vote = looking.vote;
  looking.finalizeTicks = undefined;
  if (vote === undefined) return;
  if (vote.leader !== zab.settings.id) {
    zab.vote = vote;
    becomeFollowing(zab, vote.leader);
    return;
  }
  // Its history or its standing may have changed since the vote was formed.
  const now = ownVote(zab, vote.isPreferred);
  if (now === undefined || !isSameVote(now, vote)) {
    becomeLooking(zab);
    return;
  }
  zab.vote = vote;
  becomeLeading(zab);
}

function adopt(zab: Zab, looking: Looking, vote: Vote | undefined): void {
  looking.vote = vote;
  looking.finalizeTicks = undefined;
  looking.notifyDue = true;
  if (vote === undefined) looking.votes.delete(zab.settings.id);
  else looking.votes.set(zab.settings.id, vote);
}

/** Strangers are not heeded, unless this member's own membership may be out of date. */
function isHeeded(zab: Zab, looking: Looking, member: MemberId): boolean {
  if (isVoter(membership(zab), member) || !isVoter(membership(zab), zab.settings.id)) return true;
  return looking.ticks >= zab.settings.electionTicks;
}

/**
 * All voters, and whoever is looking as well, also if it offers nobody: memberships may be of different
 * age. A member that this one's does not name may need its word, and know it; if it were not answered
 * because it has no vote, and had no vote because it is not answered, both would wait for ever.
 */
function tellAll(zab: Zab, looking: Looking): void {
  const told = new Set(votersOf(membership(zab)));
  const isHeard = hearsLately(zab, looking);
  for (const member of looking.heard.keys()) if (isHeard(member)) told.add(member);
  // Above all the one that needs this vote in order to lead.
  if (looking.vote !== undefined) told.add(looking.vote.leader);
  told.delete(zab.settings.id);
  for (const member of [...told].sort()) notify(zab, member);
}

export function notify(zab: Zab, to: MemberId): void {
  const { looking, leadership, round, acceptedEpoch } = zab;
  const following = leadership === undefined ? "following" : "leading";
  send(zab, to, {
    kind: "notification",
    round,
    state: looking === undefined ? following : "looking",
    epoch: acceptedEpoch,
    vote: looking === undefined ? zab.vote : looking.vote,
  });
}
