// A member that the others refuse under its old identity must say so and end: it can do nothing, and
// an operator looks at the one that does not come up. One peer alone, which may be the confused one,
// must not be able to end a healthy member; but a founder whose disk no cluster has seen yet holds
// nothing, and ends at the first word: two of three that were wiped would accept each other, and found
// an empty cluster beside the one that still has the data.

import type { MemberId } from "@althing/consensus";

export interface RefusalJudge {
  refused(peer: MemberId, reason: string): void;
}

export interface RefusalJudgeOptions {
  /** Peers that talk to this member now. */
  readonly connected: () => number;
  /** This member would found a cluster: as far as its own disk knows, none has ever known that disk. */
  readonly isFounding: () => boolean;
  /** Voters of the cluster, with this member. */
  readonly voters: () => number;
  readonly after: (ms: number, run: () => void) => void;
  /** Called once. */
  readonly condemned: (reason: string) => void;
  readonly graceMs?: number;
}

export function createRefusalJudge(options: RefusalJudgeOptions): RefusalJudge {
  const graceMs = options.graceMs ?? 1_500;
  let waiting = false;
  let done = false;
  return {
    refused(_peer, reason) {
      if (done) return;
      if (options.isFounding()) {
        done = true;
        options.condemned(reason);
        return;
      }
      if (waiting) return;
      waiting = true;
      // Others may be about to accept it: those that do decide.
      options.after(graceMs, () => {
        waiting = false;
        const quorum = Math.floor(options.voters() / 2) + 1;
        if (done || options.connected() + 1 >= quorum) return;
        done = true;
        options.condemned(reason);
      });
    },
  };
}
