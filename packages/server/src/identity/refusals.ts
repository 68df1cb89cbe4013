// A member that the others refuse under its old identity must say so and end: it can do nothing, and
// an operator looks at the one that does not come up. But one peer alone, which may be the confused
// one, must not be able to end a healthy member.

import type { MemberId } from "@althing/consensus";

export interface RefusalJudge {
  refused(peer: MemberId, reason: string): void;
}

export interface RefusalJudgeOptions {
  /** Peers that talk to this member now. */
  readonly connected: () => number;
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
      if (waiting || done) return;
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
