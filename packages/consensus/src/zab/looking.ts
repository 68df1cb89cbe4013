// What only a member that looks for a leader keeps (ZooKeeper's FastLeaderElection): its proposal, the
// votes of this round, and what those say who do not look. Gone the moment it follows or leads.

import type { MemberId } from "../contract.ts";
import type { MessageOf, Vote } from "./messages.ts";

export interface Looking {
  /** Whom this member would have now; undefined while it offers nobody. */
  vote: Vote | undefined;
  /** Asked to stand (an operator, or a leader that hands over): preferred among equals. */
  isPreferred: boolean;
  /** Votes of this round, this member's own among them. */
  readonly votes: Map<MemberId, Vote>;
  /** From members that follow or lead. */
  readonly others: Map<MemberId, MessageOf<"notification">>;
  /** Followers that were quicker to decide than this member. */
  readonly infos: Map<MemberId, MessageOf<"followerInfo">>;
  /** A quorum agrees: how long a better vote is still waited for. */
  finalizeTicks: number | undefined;
  ticks: number;
  /** Whoever said anything, and at which of the ticks last. */
  readonly heard: Map<MemberId, number>;
  notifyDue: boolean;
  /** Grows, so that a member that nobody wants does not shout for ever. */
  notifyInterval: number;
  notifyTicks: number;
  /** The member has not yet formed its own vote. */
  isFresh: boolean;
}

export function createLooking(heartbeatTicks: number): Looking {
  return {
    vote: undefined,
    isPreferred: false,
    votes: new Map(),
    others: new Map(),
    infos: new Map(),
    finalizeTicks: undefined,
    ticks: 0,
    heard: new Map(),
    notifyDue: true,
    notifyInterval: heartbeatTicks,
    notifyTicks: 0,
    isFresh: true,
  };
}
