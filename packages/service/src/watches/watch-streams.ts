// All streams of a member on which somebody watches: each is told of progress now and then, and ended when the
// member stops serving, or, for clients that ask for it, when there is no leader for a while.

import type { WatchClient } from "./watch-client.ts";
import { WatchSession, type WatchSessionPorts } from "./watch-session.ts";

export interface WatchStreamsPorts<Fault extends string> extends WatchSessionPorts {
  /** Calls again and again. */
  every(ms: number, run: () => void): void;
  /** Why the member serves nobody, if so; and whether it knows a leader. */
  standing(): { readonly fault: Fault | undefined; readonly hasLeader: boolean };
  readonly progressIntervalMs?: number | undefined;
}

/** A client whose stream can be ended. */
export interface StreamClient<Fault extends string> extends WatchClient<Fault> {
  /** It is ended when there is no leader. */
  readonly needsLeader: boolean;
  fail(why: Fault | "leaderMissing"): void;
}

const progressIntervalMsDefault = 10 * 60_000;
const patrolMs = 1_000;
/** Patrols without a leader after which a stream that asked for one is ended. */
const leaderlessPatrolsMax = 3;

export class WatchStreams<Fault extends string> {
  readonly #ports: WatchStreamsPorts<Fault>;
  readonly #streams = new Map<StreamClient<Fault>, WatchSession<Fault>>();
  #leaderless = 0;

  constructor(ports: WatchStreamsPorts<Fault>) {
    this.#ports = ports;
    ports.every(patrolMs, () => this.#patrol());
    ports.every(ports.progressIntervalMs ?? progressIntervalMsDefault, () => {
      for (const session of this.#streams.values()) session.notifyProgress();
    });
  }

  open(client: StreamClient<Fault>): WatchSession<Fault> {
    const session = new WatchSession(client, this.#ports);
    this.#streams.set(client, session);
    return session;
  }

  /** Its client is gone. */
  close(client: StreamClient<Fault>): void {
    const session = this.#streams.get(client);
    this.#streams.delete(client);
    session?.close();
  }

  #patrol(): void {
    const { fault, hasLeader } = this.#ports.standing();
    this.#leaderless = hasLeader ? 0 : this.#leaderless + 1;
    const isLeaderless = this.#leaderless >= leaderlessPatrolsMax;
    if (fault === undefined && !isLeaderless) return;
    for (const client of [...this.#streams.keys()]) {
      if (fault !== undefined) client.fail(fault);
      else if (client.needsLeader) client.fail("leaderMissing");
      else continue;
      this.close(client);
    }
  }
}
