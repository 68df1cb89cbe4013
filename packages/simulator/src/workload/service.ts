// A running member as its clients reach it, and what a door makes of it for them.

import type { Member, MemberError, ProposeOutcome, Succession } from "@althing/member";
import type { LeaseReads, Store, WatchHub } from "@althing/store";

export interface Service {
  /** Names this life of this member: session guarantees end with it. */
  readonly life: string;
  readonly machine: number;
  readonly store: Store & LeaseReads;
  readonly hub: WatchHub;
  readonly succession: Succession;
  propose(command: Uint8Array, done: (outcome: ProposeOutcome) => void): void;
  read(done: (error: MemberError | undefined) => void): void;
  readonly askLease: Member["askLease"];
  /** Calls in a turn of the process: at once unless it is paused; never when it dies before. */
  enter(run: () => void): void;
  /** Calls when the process dies; returns what forgets the call. */
  onDeath(run: () => void): () => void;
}
