// A running member as its clients reach it, and what a door makes of it for them.

import type { MemberError, ProposeOutcome } from "@althing/member";
import type { Asking, CallerOutcome, Leases, Succession, WatchStreams } from "@althing/service";
import type {
  AuthReads,
  LeaseReads,
  OpenedStore,
  Result,
  Store,
  WatchHub,
  WatchRights,
} from "@althing/store";
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

/** Why it is nobody who asks. */
export type Nobody = "userEmpty" | "tokenInvalid";

export interface Service extends Omit<RunningMember, "propose"> {
  readonly store: Store & LeaseReads & AuthReads & Pick<OpenedStore, "openHashKv">;
  readonly hub: WatchHub;
  readonly watchRights: WatchRights<Nobody>;
  readonly watches: WatchStreams<WatchFault>;
  readonly succession: Succession;
  propose(command: Uint8Array, done: (outcome: ProposeOutcome<Result>) => void): void;
  /** In the name of somebody, as the doors do it. */
  proposeFor(
    asking: Asking<Nobody>,
    command: Uint8Array,
    done: (outcome: CallerOutcome<Nobody>) => void,
  ): void;
  readonly askLease: Leases["ask"];
}

/** For those who work with the cluster where auth may be enabled, and are no users of their own. */
export function asRoot(service: Service): Service {
  const caller = () => {
    const { enabled, revision } = service.store.auth;
    return enabled ? { user: "root", authRevision: revision } : undefined;
  };
  return {
    ...service,
    propose: (command, done) => {
      service.proposeFor({ caller }, command, (outcome) => {
        if (outcome.kind === "refused") throw new Error("root is always somebody");
        done(outcome);
      });
    },
  };
}
