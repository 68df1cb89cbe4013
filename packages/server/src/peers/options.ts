// What the peer transport is given, and its limits. Every limit is here; none is implied elsewhere.

import type { MemberId } from "@althing/consensus";
import type { MemberEvent, PeerMessage } from "@althing/member";
import type { PeerIdentity, Refusal } from "./handshake.ts";
import type { IntroductionStore } from "./introduction.ts";
import type { PeerUrl } from "./peer-url.ts";
import type { DiskKey } from "./proof.ts";
import type { Answerer } from "./roster.ts";
import type { PeerTls } from "./tls.ts";

export interface PeerAddress {
  readonly id: MemberId;
  /** Tried in turn. */
  readonly urls: readonly PeerUrl[];
  /** It was removed: what is on its way to it still leaves, and no new connection is made with it. */
  readonly leaving?: true;
}

/** Somebody that this member does not know as a member, and has on good authority. */
export interface VouchedPeer {
  readonly identity: string;
  readonly urls: readonly string[];
  /** An index of the log at which it was a member. */
  readonly asOf: number;
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
  /** Pings of one caller in a ping interval of ours; one more ends its connection. It needs one. */
  readonly pingsPerIntervalMax: number;
  /** Answers to pings that a caller leaves unread; one more ends its connection. */
  readonly pongBacklogBytesMax: number;
  /** Sockets on the peer port that have not proved who they are. */
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
  pingsPerIntervalMax: 64,
  pongBacklogBytesMax: 64 * 1024,
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
  readonly key: DiskKey;
  /** The other members. */
  readonly peers: readonly PeerAddress[];
  readonly listenUrls: readonly PeerUrl[];
  /** The identity that a member is held to; undefined: this one has never met it. */
  readonly held?: (member: MemberId) => string | undefined;
  /** What the operator, or the cluster when this member joined it, said about one that is not known. */
  readonly vouched?: (member: MemberId) => VouchedPeer | undefined;
  /** What others have signed for this member outlives it there. */
  readonly introductions?: IntroductionStore;
  /** Known to all members and to nobody else, where there is one. */
  readonly joinSecret?: string | undefined;
  /** The answer to one that asks who the members are. */
  readonly answer?: Answerer;
  /** The newest index of the log at which this is known to be no member; undefined: it is one there. */
  readonly knownWithout?: (member: MemberId) => number | undefined;
  /** An index of the log at which that is a member, for what this one signs for it. */
  readonly memberAsOf?: (member: MemberId) => number;
  /** By this member's own log, what was a member at that index is none any more. */
  readonly hasLeftSince?: (member: MemberId, index: number) => boolean;
  readonly tls?: PeerTls;
  readonly codec: PeerCodec<Message>;
  readonly limits?: Partial<PeerLimits>;
  readonly observe: (event: MemberEvent) => void;
  /** Uniform in [0, 1): jitter. */
  readonly random: () => number;
  readonly nowMs: () => number;
  /** A peer that has proved who it is turned this member away and said why. */
  readonly onRefused?: (peer: MemberId, refusal: Refusal) => void;
}

/** The bulk connection carries what is large and may wait. */
export function isBulk(message: PeerMessage<unknown>): boolean {
  return message.kind === "snapshotBegin" || message.kind === "snapshotChunk";
}
