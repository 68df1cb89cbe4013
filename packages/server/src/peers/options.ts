// What the peer transport is given, and its limits. Every limit is here; none is implied elsewhere.

import type { MemberId } from "@althing/consensus";
import type { MemberEvent, PeerMessage } from "@althing/member";
import type { PeerIdentity, Refusal } from "./handshake.ts";
import type { Roster } from "./roster.ts";
import type { PeerTls } from "./tls.ts";

export interface PeerAddress {
  readonly id: MemberId;
  /** Tried in turn. */
  readonly urls: readonly string[];
}

/** Peer messages as bytes; `decode` throws for anything malformed and may return views. */
export interface PeerCodec<Message> {
  encode(message: PeerMessage<Message>): Uint8Array;
  decode(bytes: Uint8Array): PeerMessage<Message>;
}

export interface PeerLimits {
  /** One frame after the handshake. A larger message is refused before it is sent. */
  readonly frameBytesMax: number;
  /** Queued for one peer's main connection; beyond it messages are dropped as unreachable. */
  readonly mainQueueBytesMax: number;
  /** The same for the bulk connection, whose sender watches `bulkBacklog` and stays far below. */
  readonly bulkQueueBytesMax: number;
  /** Sockets on the peer port that have not said who they are. */
  readonly strangersMax: number;
  readonly handshakeTimeoutMs: number;
  readonly pingIntervalMs: number;
  /** Ping intervals of our own without a word from the peer, after which a connection is dead. */
  readonly silentIntervalsMax: number;
  readonly reconnectMsMin: number;
  readonly reconnectMsMax: number;
  /** A bulk connection is closed after so many ping intervals without a message. */
  readonly bulkIdleIntervalsMax: number;
}

export const defaultPeerLimits: PeerLimits = {
  frameBytesMax: 64 * 1024 * 1024,
  mainQueueBytesMax: 64 * 1024 * 1024,
  bulkQueueBytesMax: 64 * 1024 * 1024,
  strangersMax: 64,
  handshakeTimeoutMs: 3_000,
  pingIntervalMs: 500,
  silentIntervalsMax: 10,
  reconnectMsMin: 10,
  reconnectMsMax: 1_000,
  bulkIdleIntervalsMax: 60,
};

export interface PeersOptions<Message> {
  readonly identity: PeerIdentity;
  /** The other members. */
  readonly peers: readonly PeerAddress[];
  readonly listenUrls: readonly string[];
  /** What others reach this member by, told to those that may not know it yet. */
  readonly ownUrls?: readonly string[];
  /** The answer to one that is about to join. */
  readonly roster?: () => Roster;
  readonly tls?: PeerTls;
  readonly codec: PeerCodec<Message>;
  readonly limits?: Partial<PeerLimits>;
  readonly observe: (event: MemberEvent) => void;
  /** Uniform in [0, 1): jitter. */
  readonly random: () => number;
  readonly nowMs: () => number;
  /** A peer turned us away and said why. */
  readonly onRefused?: (peer: MemberId, refusal: Refusal) => void;
}

/** The bulk connection carries what is large and may wait. */
export function isBulk(message: PeerMessage<unknown>): boolean {
  return message.kind === "snapshotBegin" || message.kind === "snapshotChunk";
}
