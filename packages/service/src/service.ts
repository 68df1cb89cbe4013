// The key-value service on one member: the store as the state machine that the member drives, and what stands
// above it and only a leader may do, which is to end leases, write down what is left of them, and raise alarms.

import {
  createMember,
  type Member,
  type MemberError,
  type MemberOptions,
  type Steward,
} from "@althing/member";
import type { LeaseEnd, LeaseReads, Result, Store } from "@althing/store";
import { CorruptAlarm } from "./alarms/corrupt-alarm.ts";
import { Lessor } from "./leases/lessor.ts";
import { rosterOfStore } from "./store-roster.ts";

/** What the service needs of the store; doors read more of it. */
export type ServedStore = Store & LeaseReads;

export type ServiceOptions<Served extends ServedStore = ServedStore> = Omit<
  MemberOptions<Result, Served>,
  "stateMachine" | "isShort" | "steward" | "keptRoster"
> & {
  readonly store: Served;
  /** What is left of leases longer than this is written into the log so often; 0: never. */
  readonly leaseCheckpointMs?: number;
};

/** Since this member was started: granted and revoked as applied here, the others as the leader. */
export interface LeaseCounts {
  readonly granted: number;
  readonly revoked: number;
  readonly renewed: number;
  readonly expired: number;
}

export interface Leases {
  readonly counts: LeaseCounts;
  /**
   * Asks the leader for what is left of a lease; `renew` starts its TTL anew before. Milliseconds, or
   * undefined when there is no such lease (any more).
   */
  ask(
    lease: bigint,
    renew: boolean,
    done: (error: MemberError | undefined, leftMs: number | undefined) => void,
  ): void;
  /** In no order; when they end as far as this member knows: the leader knows best. */
  ends(): readonly LeaseEnd[];
}

export interface Service<Served extends ServedStore = ServedStore> {
  readonly member: Member<Result, Served>;
  readonly store: Served;
  readonly leases: Leases;
}

const leaseCheckpointMsDefault = 5 * 60_000;

/** Throws as `createMember` does. */
export function createService<Served extends ServedStore>(
  options: ServiceOptions<Served>,
): Service<Served> {
  const { store, leaseCheckpointMs = leaseCheckpointMsDefault, ...rest } = options;
  let leases: Lessor | undefined;
  const member = createMember<Result, Served>({
    ...rest,
    stateMachine: store,
    isShort: (result) => result.kind === "put",
    keptRoster: rosterOfStore(store),
    steward(host) {
      leases = new Lessor(host, store, leaseCheckpointMs);
      return stewardOf(leases, new CorruptAlarm(host, store));
    },
  });
  return { member, store, leases: leases! };
}

function stewardOf(leases: Lessor, alarm: CorruptAlarm): Steward {
  return {
    leadershipChanged: () => leases.leadershipChanged(),
    tick: (nowMs) => leases.tick(nowMs),
    receive: (from, bytes) => leases.receive(from, bytes),
    failAll: (code, message) => leases.failAll(code, message),
    corruptMembers: () => alarm.members(),
    foundOdd: (member) => alarm.raise(member),
  };
}
