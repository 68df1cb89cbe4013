// Everything that Multi-Paxos members say to each other. `ballot` is the one that a message is about:
// of the proposer that sends it, or of the proposer that it answers.

import type { Entry, Index } from "../contract.ts";
import type { Ballot } from "../synod/ballot.ts";
import type { QuorumSizes } from "./quorums.ts";

export type PaxosMessage =
  /** Would you promise `ballot`? Changes nobody's promise. */
  | {
      readonly kind: "canvassRequest";
      readonly ballot: Ballot;
      readonly commitIndex: Index;
      readonly priority: number;
    }
  /** Granted: `promised` is without meaning. Refused: the ballot that a proposer has to go above. */
  | {
      readonly kind: "canvassResponse";
      readonly ballot: Ballot;
      readonly granted: boolean;
      readonly promised: Ballot;
    }
  /** Phase 1a for every slot from `first` on. */
  | {
      readonly kind: "prepareRequest";
      readonly ballot: Ballot;
      readonly first: Index;
      /** The leader of this ballot asked for it: to that one nobody needs to stay loyal. */
      readonly handedOver: Ballot | undefined;
      /** Acceptors with other quorums do not answer: theirs would not intersect these. */
      readonly quorums: QuorumSizes;
    }
  /** Phase 1b for the slots from `first` to `last`, or for all from `first` on when `isLast`. */
  | {
      readonly kind: "promise";
      readonly ballot: Ballot;
      readonly first: Index;
      readonly last: Index;
      readonly isLast: boolean;
      /** Slots up to here are chosen, and what the acceptor holds of them is what was chosen. */
      readonly commitIndex: Index;
      /** Slots up to here are chosen as well, and compacted. */
      readonly baseIndex: Index;
      /** What was accepted, ascending, each under its own ballot; slots without are left out. */
      readonly entries: readonly Entry[];
    }
  /** Phase 2a: `ballot`'s values for the slots from `first` on, without gaps. */
  | {
      readonly kind: "acceptRequest";
      readonly ballot: Ballot;
      readonly first: Index;
      readonly commitIndex: Index;
      readonly entries: readonly Entry[];
    }
  /**
   * Phase 2b for the slots from `first` to `last`. Up to `matchIndex` the acceptor holds every slot,
   * under this ballot or known to be chosen. All of it durably.
   */
  | {
      readonly kind: "acceptResponse";
      readonly ballot: Ballot;
      readonly first: Index;
      readonly last: Index;
      readonly matchIndex: Index;
    }
  /** A higher promise stands in the way of `ballot`, or (the same one) loyalty to its proposer. */
  | { readonly kind: "refusal"; readonly ballot: Ballot; readonly promised: Ballot }
  /** `round` comes back in the response: it confirms the lead since the round was sent. */
  | {
      readonly kind: "heartbeatRequest";
      readonly ballot: Ballot;
      readonly commitIndex: Index;
      readonly round: number;
    }
  /**
   * `receivedIndex` is as `matchIndex`, but perhaps not on disk yet. Memberships up to `commitIndex`
   * are known to be chosen even after a crash.
   */
  | {
      readonly kind: "heartbeatResponse";
      readonly ballot: Ballot;
      readonly round: number;
      readonly priority: number;
      readonly matchIndex: Index;
      readonly receivedIndex: Index;
      readonly commitIndex: Index;
    }
  /** More is chosen and no values are under way that could tell. Not answered. */
  | { readonly kind: "commitNotice"; readonly ballot: Ballot; readonly commitIndex: Index }
  /** A follower's reads of one turn; `request` comes back. */
  | { readonly kind: "readRequest"; readonly ballot: Ballot; readonly request: number }
  | {
      readonly kind: "readResponse";
      readonly ballot: Ballot;
      readonly request: number;
      readonly index: Index;
    }
  | { readonly kind: "readRefusal"; readonly ballot: Ballot; readonly request: number }
  /** The lead is yours: prepare a ballot of your own at once. */
  | { readonly kind: "takeOver"; readonly ballot: Ballot };

export type MessageKind = PaxosMessage["kind"];
export type MessageOf<Kind extends MessageKind> = Extract<PaxosMessage, { readonly kind: Kind }>;
