// Everything a member takes from the world. The server gives real sockets, disks and clocks, the
// simulator virtual ones. No other source of time, order or chance exists in this package.

import type { LogPoint, MemberId } from "@althing/consensus";
import type { Disk } from "@althing/log";

export interface Clock {
  /** Never goes back; counts the time the process was stopped or asleep as well, where it can. */
  monotonicMs(): number;
  /** Only to be written into entries by the leader, and into logs for people. */
  wallMs(): number;
  /** Calls once, `ms` from now. Returns a function that cancels. */
  after(ms: number, run: () => void): () => void;
  /** Calls once, after the inputs that this turn of the loop still brings: the group-commit point. */
  soon(run: () => void): void;
}

/**
 * Messages between members. `protocol` carries a core's message; the rest is the runtime's own.
 * Data only: the real transport encodes it (`peer-codec.ts`), the simulator passes it as it is.
 */
export type PeerMessage<Message = unknown> =
  | { readonly kind: "protocol"; readonly message: Message }
  /** Proposals for the leader, batched per turn. A payload is an envelope (see `envelope.ts`). */
  | { readonly kind: "forward"; readonly payloads: readonly Uint8Array[] }
  /** The leader did not take these (not leader, overloaded): they are certainly not in its log. */
  | {
      readonly kind: "forwardRejected";
      readonly reason: string;
      /** The origin's session: a member that restarted must not take an old refusal as its own. */
      readonly session: number;
      readonly requests: readonly number[];
      readonly leaderHint: MemberId | undefined;
    }
  /** What an operator asked of a member that does not lead: a reconfiguration, encoded. */
  | {
      readonly kind: "adminForward";
      readonly session: number;
      readonly request: number;
      readonly body: Uint8Array;
    }
  /** What became of it: "" when done, otherwise a MemberErrorCode. */
  | {
      readonly kind: "adminDone";
      readonly session: number;
      readonly request: number;
      readonly code: string;
      /** The outcome is not known: asking again is safe. */
      readonly unknown: boolean;
    }
  /** What the service of one member tells that of another: `bytes` begins with 10 to 31, its own numbers. */
  | { readonly kind: "service"; readonly bytes: Uint8Array }
  /** State hashes at agreed indexes, compared on receipt (corpus: divergence goes unnoticed). */
  | { readonly kind: "stateHash"; readonly index: number; readonly hash: number }
  /** A snapshot stream: begin, chunks acknowledged one window at a time, end. Resumable. */
  | {
      readonly kind: "snapshotBegin";
      readonly stream: number;
      readonly epoch: number;
      readonly point: LogPoint;
    }
  | {
      readonly kind: "snapshotChunk";
      readonly stream: number;
      readonly sequence: number;
      readonly bytes: Uint8Array;
      readonly last: boolean;
    }
  | {
      readonly kind: "snapshotAck";
      readonly stream: number;
      /**
       * The next chunk wanted: a resumed stream goes on from here. `snapshotComplete` when the point
       * is already held and nothing more is needed.
       */
      readonly next: number;
      readonly refused: string;
    };

export interface Peers<Message = unknown> {
  /**
   * Takes a message for a peer, in order per channel, or drops it and reports `unreachable`. Bulk
   * (snapshot) messages travel on a connection of their own and never delay the others. `forward` is
   * never delivered twice: a duplicate would be a second execution.
   */
  send(to: MemberId, message: PeerMessage<Message>): void;
  /** What was sent in this turn leaves now, if the transport gathers messages at all. */
  flush?(): void;
  /** Bytes queued for a peer's bulk connection: the snapshot sender's back-pressure. */
  bulkBacklog(to: MemberId): number;
}

/** What the transport tells the member. */
export interface PeerEvents<Message = unknown> {
  receive(from: MemberId, message: PeerMessage<Message>): void;
  connected(peer: MemberId): void;
  disconnected(peer: MemberId): void;
  unreachable(peer: MemberId): void;
  /**
   * Handshake: may this peer, with this disk, speak as `peer`? A string is the reason why not. `memberAsOf`:
   * an index of the log at which it was a member, by the word of one that is to be believed.
   */
  admit(peer: MemberId, incarnation: string, memberAsOf?: number): string | undefined;
}

export interface Ports {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly peers: Peers;
  /** Uniform in [0, 1). Seeds request ids and the core's timeouts. */
  readonly random: () => number;
  /** Structured events for logs, metrics and the simulator's trace. Must not throw. */
  readonly observe: (event: MemberEvent) => void;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

/** `kind` is stable and documented: metrics and traces switch on it. */
export interface MemberEvent {
  readonly kind: string;
  readonly level: LogLevel;
  readonly [field: string]: unknown;
}
