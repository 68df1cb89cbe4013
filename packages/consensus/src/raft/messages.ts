// Everything that Raft members say to each other, one kind per message. A response names the term
// in which it was given, so that one that was long under way is recognized as stale.

import type { Entry, Epoch, Index } from "../contract.ts";

export type RaftMessage =
  /** Would you vote for me in `term`? Changes nobody's term (dissertation §9.6). */
  | {
      readonly kind: "preVoteRequest";
      readonly term: Epoch;
      readonly lastIndex: Index;
      readonly lastTerm: Epoch;
      readonly priority: number;
    }
  /** Granted: `term` is the one asked for. Refused: the voter's own. */
  | { readonly kind: "preVoteResponse"; readonly term: Epoch; readonly granted: boolean }
  | {
      readonly kind: "voteRequest";
      readonly term: Epoch;
      readonly lastIndex: Index;
      readonly lastTerm: Epoch;
      /** The leader itself asked for this election: nobody needs to stay loyal to it. */
      readonly transfer: boolean;
    }
  | { readonly kind: "voteResponse"; readonly term: Epoch; readonly granted: boolean }
  | {
      readonly kind: "appendRequest";
      readonly term: Epoch;
      readonly previousIndex: Index;
      readonly previousTerm: Epoch;
      readonly commitIndex: Index;
      /** Gapless from `previousIndex` + 1. */
      readonly entries: readonly Entry[];
    }
  /** The follower holds the leader's log up to `matchIndex`, durably. */
  | { readonly kind: "appendResponse"; readonly term: Epoch; readonly matchIndex: Index }
  /** Nothing of `term` stands at `previousIndex`; the logs may agree up to `hintIndex`. */
  | {
      readonly kind: "appendRefusal";
      readonly term: Epoch;
      readonly previousIndex: Index;
      readonly hintIndex: Index;
      readonly hintTerm: Epoch;
    }
  /** `round` comes back in the response: it confirms leadership since the round was sent. */
  | {
      readonly kind: "heartbeatRequest";
      readonly term: Epoch;
      readonly commitIndex: Index;
      readonly round: number;
    }
  | {
      readonly kind: "heartbeatResponse";
      readonly term: Epoch;
      readonly round: number;
      readonly priority: number;
    }
  /** The commit index moved and no entries are under way that could tell. Not answered. */
  | { readonly kind: "commitNotice"; readonly term: Epoch; readonly commitIndex: Index }
  /** A follower's reads of one turn; `request` comes back. */
  | { readonly kind: "readRequest"; readonly term: Epoch; readonly request: number }
  | {
      readonly kind: "readResponse";
      readonly term: Epoch;
      readonly request: number;
      readonly index: Index;
    }
  | { readonly kind: "readRefusal"; readonly term: Epoch; readonly request: number }
  /** Leadership is yours: campaign at once (dissertation §3.10). */
  | { readonly kind: "timeoutNow"; readonly term: Epoch };

export type MessageKind = RaftMessage["kind"];
export type MessageOf<Kind extends MessageKind> = Extract<RaftMessage, { readonly kind: Kind }>;
