// Everything that Zab members say to each other, one kind per message, under the names of the papers.
// What a leader sends to a follower belongs to a session that the follower began; `sequence` counts
// what must arrive in order, so that a loss or a remnant of an earlier connection is recognized: the
// FIFO channel that Zab assumes (§III) is checked here, not believed.

import type { Entry, Epoch, Index, MemberId } from "../contract.ts";

/** Whom a member would have for its leader, and why: the history that this one has. */
export interface Vote {
  readonly leader: MemberId;
  /** The last epoch whose initial history the candidate took over whole. */
  readonly currentEpoch: Epoch;
  /** The candidate's last zxid is (lastEpoch, lastIndex). */
  readonly lastEpoch: Epoch;
  readonly lastIndex: Index;
  /** The leader before, or an operator, asked for this one. */
  readonly isPreferred: boolean;
  readonly priority: number;
}

/** Where a run of transactions of one epoch ends in a history. */
export interface EpochEnd {
  readonly epoch: Epoch;
  readonly lastIndex: Index;
}

interface InSession {
  readonly session: number;
  readonly epoch: Epoch;
}
interface Sequenced extends InSession {
  readonly sequence: number;
}
interface Transactions extends Sequenced {
  readonly commitIndex: Index;
  readonly previousIndex: Index;
  /** Gapless from `previousIndex` + 1. */
  readonly entries: readonly Entry[];
}

export type ZabMessage =
  /** Fast leader election: my vote while I look, or the one that I act upon. */
  | {
      readonly kind: "notification";
      readonly round: number;
      readonly state: "looking" | "following" | "leading";
      /** The epoch that the sender accepted last. */
      readonly epoch: Epoch;
      /** Undefined: it offers nobody. */
      readonly vote: Vote | undefined;
    }
  /** Discovery (§IV phase 1): the follower begins a session. */
  | { readonly kind: "followerInfo"; readonly session: number; readonly acceptedEpoch: Epoch }
  | ({ readonly kind: "leaderInfo"; readonly isEstablished: boolean } & InSession)
  | ({
      readonly kind: "ackEpoch";
      /** False: this epoch had been accepted before, perhaps from another (Zab1.0 phase 1, 4). */
      readonly counts: boolean;
      readonly currentEpoch: Epoch;
      readonly lastEpoch: Epoch;
      readonly lastIndex: Index;
      readonly commitIndex: Index;
      /** Of what is not known to be committed, from the newest epoch to the oldest. */
      readonly ends: readonly EpochEnd[];
    } & InSession)
  /** Synchronization (§IV phase 2): what follows stands on the follower's own last transaction. */
  | ({ readonly kind: "diff"; readonly agreedIndex: Index } & Sequenced)
  /** Drop what comes after `agreedIndex`: it was never committed. */
  | ({ readonly kind: "trunc"; readonly agreedIndex: Index } & Sequenced)
  /** A whole snapshot is under way on its own channel. */
  | ({ readonly kind: "snap" } & Sequenced)
  | ({ readonly kind: "newLeader"; readonly lastIndex: Index } & Sequenced)
  | ({ readonly kind: "ackNewLeader"; readonly index: Index } & InSession)
  | ({ readonly kind: "upToDate"; readonly commitIndex: Index } & Sequenced)
  /** Broadcast (§IV phase 3), and the transactions of a DIFF. */
  | ({ readonly kind: "proposal" } & Transactions)
  /** To observers: transactions that are committed. */
  | ({ readonly kind: "inform" } & Transactions)
  | ({ readonly kind: "commit"; readonly commitIndex: Index } & Sequenced)
  /** Everything up to `index` is on the follower's disk. */
  | ({ readonly kind: "ack"; readonly index: Index } & InSession)
  /** `sequence` is the last one sent: whoever has less has lost something. */
  | ({ readonly kind: "ping"; readonly round: number } & Sequenced)
  | ({
      readonly kind: "pong";
      readonly round: number;
      readonly index: Index;
      /** NEWLEADER was carried out, durably. */
      readonly isCurrent: boolean;
      readonly priority: number;
    } & InSession)
  /** A follower's reads of one turn; `request` comes back. */
  | { readonly kind: "syncRequest"; readonly request: number }
  | { readonly kind: "syncResponse"; readonly request: number; readonly index: Index }
  | { readonly kind: "syncRefusal"; readonly request: number };

export type MessageKind = ZabMessage["kind"];
export type MessageOf<Kind extends MessageKind> = Extract<ZabMessage, { readonly kind: Kind }>;
export type SequencedMessage = Extract<ZabMessage, Sequenced>;
