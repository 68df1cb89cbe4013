// The leader's side of broadcast (Zab §IV phase 3), and of a DIFF: at the end of a turn each follower is
// sent what it lacks, all proposals of the turn in one message, within a window. Voters get proposals,
// observers only what is committed. A follower that fell behind the log gets a snapshot.

import type { Entry, Index, MemberId } from "../contract.ts";
import { isVoter } from "../membership/membership.ts";
import { send } from "../outbox/outbox.ts";
import { maybeCommit } from "./commit.ts";
import { type Leadership, leadershipOf, type Peer, peerInSession } from "./leadership.ts";
import type { MessageOf, SequencedMessage } from "./messages.ts";
import { membership, type Zab } from "./self.ts";
import { sendSnapshot } from "./synchronization.ts";

type Unsent<Message> = Message extends SequencedMessage
  ? Omit<Message, "session" | "epoch" | "sequence">
  : never;

/** Entries that were cut out of the log last: followers that are equally far get the same list. */
interface Stretch {
  first: Index;
  entries: readonly Entry[];
}

/** A leader's turn ends: everything that may be sent is. */
export function feedAll(zab: Zab, leadership: Leadership): void {
  const shared: Stretch = { first: 0, entries: [] };
  for (const peer of leadership.peers) {
    if (peer.stage === "fed") feed(zab, leadership, peer, shared);
  }
}

export function feed(
  zab: Zab,
  leadership: Leadership,
  peer: Peer,
  shared: Stretch = { first: 0, entries: [] },
): void {
  const { progress } = peer;
  const { log, commitIndex } = zab;
  const votes = isVoter(membership(zab), peer.id);
  const limit = votes ? log.lastIndex : commitIndex;
  while (progress.next <= limit && !progress.inFlight.isFull) {
    if (progress.next <= log.baseIndex) {
      sendSnapshot(zab, leadership, peer);
      return;
    }
    const previousIndex = progress.next - 1;
    if (shared.first !== progress.next) {
      shared.first = progress.next;
      shared.entries = log.sliceOfBytes(progress.next, zab.settings.limits.messageBytesMax);
    }
    let { entries } = shared;
    if (previousIndex + entries.length > limit) entries = entries.slice(0, limit - previousIndex);
    const lastIndex = previousIndex + entries.length;
    // One word for both: the follower takes of it what it has.
    const kind = votes ? "proposal" : "inform";
    sendInSession(zab, leadership, peer, { kind, commitIndex, previousIndex, entries });
    progress.sent(lastIndex);
    progress.commitTold = Math.max(progress.commitTold, Math.min(commitIndex, lastIndex));
  }
  if (!peer.newLeaderSent) {
    if (progress.next <= peer.historyEnd) return;
    peer.newLeaderSent = true;
    const lastIndex = progress.next - 1;
    sendInSession(zab, leadership, peer, { kind: "newLeader", lastIndex });
  }
  if (leadership.phase !== "broadcast" || !peer.isSynchronized) return;
  const told = Math.min(commitIndex, progress.next - 1);
  if (!peer.upToDateSent) {
    peer.upToDateSent = true;
    progress.commitTold = told;
    sendInSession(zab, leadership, peer, { kind: "upToDate", commitIndex: told });
  } else if (told > progress.commitTold) {
    progress.commitTold = told;
    sendInSession(zab, leadership, peer, { kind: "commit", commitIndex: told });
  }
}

/** Gives the message its place in the session. */
export function sendInSession(
  zab: Zab,
  leadership: Leadership,
  peer: Peer,
  body: Unsent<SequencedMessage>,
): void {
  const { session } = peer;
  const sequence = body.kind === "ping" ? peer.sequence : ++peer.sequence;
  const message = { ...body, session, epoch: leadership.epoch, sequence } as SequencedMessage;
  send(zab, peer.id, message);
}

export function handleAck(zab: Zab, from: MemberId, message: MessageOf<"ack">): void {
  const leadership = leadershipOf(zab);
  const peer = peerInSession(leadership, from, message);
  if (peer !== undefined) noteAcknowledged(zab, leadership, peer, message.index);
}

/** The follower holds the leader's history up to `index`, durably. */
export function noteAcknowledged(zab: Zab, leadership: Leadership, peer: Peer, index: Index): void {
  peer.progress.recentlyActive = true;
  if (peer.stage !== "fed" || index >= peer.progress.next) return;
  if (peer.progress.acknowledged(index) && leadership.phase === "broadcast") maybeCommit(zab);
}
