// A running member as its clients reach it, and what a door makes of it for them.

import type { MemberError, ProposeOutcome } from "@althing/member";
import type { Leases, Succession, WatchStreams } from "@althing/service";
import type { LeaseReads, OpenedStore, Result, Store } from "@althing/store";
import type { WatchFault } from "../checkers/watch-stream.ts";

/** Whatever its state machine. */
export interface RunningMember {
  /** Names this life of this member: session guarantees end with it. */
  readonly life: string;
  readonly machine: number;
  propose(command: Uint8Array, done: (outcome: ProposeOutcome) => void): void;
  read(done: (error: MemberError | undefined) => void): void;
  /** Calls in a turn of the process: at once unless it is paused; never when it dies before. */
  enter(run: () => void): void;
  /** Calls when the process dies; returns what forgets the call. */
  onDeath(run: () => void): () => void;
}

export interface Service extends Omit<RunningMember, "propose"> {
  readonly store: Store & LeaseReads & Pick<OpenedStore, "openHashKv">;
  readonly watches: WatchStreams<WatchFault>;
  readonly succession: Succession;
  propose(command: Uint8Array, done: (outcome: ProposeOutcome<Result>) => void): void;
  readonly askLease: Leases["ask"];
}
