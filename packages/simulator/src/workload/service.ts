// A running member as its clients reach it.

import type { MemberError, ProposeOutcome } from "@althing/member";
import type { Store } from "@althing/store";

export interface Service {
  /** Names this life of this member: session guarantees end with it. */
  readonly life: string;
  readonly store: Store;
  propose(command: Uint8Array, done: (outcome: ProposeOutcome) => void): void;
  read(done: (error: MemberError | undefined) => void): void;
  /** Calls when the process dies; returns what forgets the call. */
  onDeath(run: () => void): () => void;
}
