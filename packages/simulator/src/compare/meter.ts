// Counts what a run does instead of telling it: the members' messages and bytes by kind, the disks'
// syncs, the changes of leader. Everything a comparison says about traffic comes from here.

import { Trace } from "../trace/trace.ts";

export interface Traffic {
  readonly messages: number;
  readonly bytes: number;
  /** Of those, what would have been sent had nobody asked for anything. */
  readonly heartbeatMessages: number;
  readonly heartbeatBytes: number;
  readonly syncs: number;
  readonly byKind: ReadonlyMap<string, number>;
}

/** Kinds that go round without any request: Raft's and Paxos' heartbeats, Zab's pings. */
const heartbeats: ReadonlySet<string> = new Set([
  "heartbeatRequest",
  "heartbeatResponse",
  "ping",
  "pong",
]);

export class Meter extends Trace {
  #messages = 0;
  #bytes = 0;
  #heartbeatMessages = 0;
  #heartbeatBytes = 0;
  #syncs = 0;
  #byKind = new Map<string, number>();
  /** How often a member began to lead, since the start. */
  leaders = 0;

  constructor(now: () => number) {
    super(now, false);
  }

  message(kind: string, bytes: number): void {
    this.#messages++;
    this.#bytes += bytes;
    if (heartbeats.has(kind)) {
      this.#heartbeatMessages++;
      this.#heartbeatBytes += bytes;
    }
    this.#byKind.set(kind, (this.#byKind.get(kind) ?? 0) + 1);
  }

  override add(...event: Parameters<Trace["add"]>): void {
    super.add(...event);
    const [kind, , second, , fourth] = event;
    if (kind === "disk" && fourth === syncDone) this.#syncs++;
    if (kind === "role" && second === leaderRole) this.leaders++;
  }

  /** What there was since the last call. */
  take(): Traffic {
    const traffic: Traffic = {
      messages: this.#messages,
      bytes: this.#bytes,
      heartbeatMessages: this.#heartbeatMessages,
      heartbeatBytes: this.#heartbeatBytes,
      syncs: this.#syncs,
      byKind: this.#byKind,
    };
    this.#messages = 0;
    this.#bytes = 0;
    this.#heartbeatMessages = 0;
    this.#heartbeatBytes = 0;
    this.#syncs = 0;
    this.#byKind = new Map();
    return traffic;
  }
}

/** As the cluster's disk trace and the watch of a member number them. */
const syncDone = 2;
const leaderRole = 2;
