// A member of a cluster of one over the real store, without log and consensus: what a door needs to be
// driven in a test. Proposals of one turn are applied together in the next, as the real member does.

import { type Member, MemberError, type MemberStatus, type ProposeOutcome } from "@althing/member";
import type { Leases } from "@althing/service";
import { createMemoryEngine, type OpenedStore, openStore, type Result } from "@althing/store";
import type { DoorAuth, DoorContext, DoorLimits } from "../../context.ts";

export interface SingleMember extends Member<Result, OpenedStore> {
  readonly store: OpenedStore;
  readonly leases: Leases;
  /** What the door sees while there is no leader, or the member is not fit. */
  readonly override: { status: Partial<MemberStatus> };
}

export const testMemberId = "8e9e05c52164694d";

export function createSingleMember(): SingleMember {
  const store = openStore({ engine: createMemoryEngine() });
  const override: { status: Partial<MemberStatus> } = { status: {} };
  let waiting: { command: Uint8Array; done: (outcome: ProposeOutcome<Result>) => void }[] = [];
  const listeners: ((appliedIndex: number) => void)[] = [];
  const leaderless = () => "leader" in override.status && override.status.leader === undefined;

  const apply = () => {
    const batch = waiting;
    waiting = [];
    for (const { command, done } of batch) {
      const index = store.appliedIndex + 1;
      const point = { index, epoch: 2, proposer: "", leaderTimeMs: Date.now() };
      done({ kind: "applied", result: store.apply(command, point), index });
    }
    for (const listener of listeners) listener(store.appliedIndex);
  };
  const noLeader = () => new MemberError("noLeader", "notExecuted", "there is no leader");
  const ignore = () => {};

  return {
    id: testMemberId,
    identityOf: () => undefined,
    belongs: () => true,
    knownWithout: () => undefined,
    memberAsOf: () => 0,
    hasLeftSince: () => false,
    store,
    stateMachine: store,
    roster: () => store.members(),
    leases: {
      counts: { granted: 0, revoked: 0, renewed: 0, expired: 0 },
      ask(lease, _renew, done) {
        const state = store.lease(lease);
        done(undefined, state && state.ttlSeconds * 1000);
      },
      ends: () => store.leaseEnds(),
    },
    override,
    start: ignore,
    stop: (done) => store.close(done),
    propose(command, done) {
      if (leaderless()) {
        done({ kind: "failed", error: noLeader() });
        return;
      }
      // The store may keep the bytes of a command no longer than the log would.
      waiting.push({ command: command.slice(), done });
      if (waiting.length === 1) setImmediate(apply);
    },
    read(done) {
      setImmediate(() => done(leaderless() ? noLeader() : undefined));
    },
    changeMembership: (_changes, _context, done) => done(undefined),
    reconfigure: (_request, done) => done(undefined),
    transferLeadership: (_to, done) => done(undefined),
    status: () => ({
      id: testMemberId,
      role: "leader",
      epoch: 2,
      leader: testMemberId,
      firstIndex: 1,
      lastIndex: store.appliedIndex,
      commitIndex: store.appliedIndex,
      appliedIndex: store.appliedIndex,
      membership: {
        voters: [testMemberId],
        votersOutgoing: [],
        learners: [],
        learnersNext: [],
      },
      membershipIndex: 0,
      peers: [],
      leaderless: "",
      state: "running",
      logBytes: 0,
      diskStalledMs: 0,
      proposalsPending: waiting.length,
      reads: { slow: 0, failed: 0 },
      ...override.status,
    }),
    onApplied(listener) {
      listeners.push(listener);
      return () => listeners.splice(listeners.indexOf(listener), 1);
    },
    receive: ignore,
    connected: ignore,
    disconnected: ignore,
    unreachable: ignore,
    admit: () => undefined,
    get core(): never {
      throw new Error("this member has no core");
    },
  };
}

export const testLimits: DoorLimits = {
  requestBytesMax: 1_572_864,
  txnOpsMax: 128,
  concurrentStreamsMax: 1000,
  connectionsMax: 10_000,
};

export function createTestContext(
  member: SingleMember,
  options: {
    limits?: Partial<DoorLimits>;
    quotaBackendBytes?: number;
    auth?: Partial<DoorAuth>;
    observe?: DoorContext["observe"];
    watchProgressIntervalMs?: number;
  } = {},
): DoorContext {
  const { watchProgressIntervalMs } = options;
  return {
    ...(watchProgressIntervalMs !== undefined && { watchProgressIntervalMs }),
    member,
    store: member.store,
    leases: member.leases,
    clusterId: "cdf818194e3a8c32",
    members: () => [
      {
        id: testMemberId,
        name: "default",
        peerUrls: ["http://localhost:2380"],
        clientUrls: ["http://localhost:2379"],
        isLearner: member.status().role === "learner",
      },
    ],
    leaseSecondsMin: 2,
    quotaBackendBytes: options.quotaBackendBytes ?? 0,
    etcdVersion: "3.5.21",
    clusterVersion: "3.5.0",
    althingVersion: "0.1.0",
    limits: { ...testLimits, ...options.limits },
    auth: {
      tokens: { kind: "simple", ttlMs: 300_000 },
      passwordCost: 4,
      namesByCertificate: false,
      ...options.auth,
    },
    observe:
      options.observe ??
      ((event) => {
        if (event.level === "error") throw new Error(`${event.kind}: ${event["error"]}`);
      }),
  };
}
