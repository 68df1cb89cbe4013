// Figures of a cluster that nothing happens to: what a commit and a read cost, in messages, bytes,
// syncs and round trips, one at a time and a hundred at once.

import type { Machine } from "../cluster/machine.ts";
import type { ProtocolName } from "../options/options.ts";
import type { Traffic } from "./meter.ts";
import { ComparisonFailed, roundTripMicros, Stage } from "./stage.ts";

export interface CommitCost {
  readonly commits: number;
  /** Without heartbeats, which `Idle` tells. */
  readonly messages: number;
  readonly bytes: number;
  readonly syncs: number;
  /** From the call to the answer; the median. */
  readonly roundTrips: number;
}

export interface SteadyFigures {
  readonly members: number;
  readonly atLeader: CommitCost;
  readonly atFollower: CommitCost;
  /** A durable write takes half a round trip on every disk. */
  readonly atLeaderSlowDisk: CommitCost;
  /** A hundred clients at the leader, each with one put under way. */
  readonly hundredClients: CommitCost;
  /** In round trips, at the leader and at a follower. */
  readonly quorumRead: { readonly leader: number; readonly follower: number };
  readonly leaseRead: { readonly leader: number; readonly follower: number };
  readonly idle: { readonly messagesPerSecond: number; readonly bytesPerSecond: number };
}

const sequentialPuts = 50;
const rounds = 20;

export function measureSteady(
  protocol: ProtocolName,
  members: number,
  seed: number,
): SteadyFigures {
  const stage = new Stage({ protocol, members, seed });
  const leader = stage.settle();
  const follower = stage.followers()[0] as Machine;
  stage.meter.take();
  stage.run(10_000_000);
  const idle = stage.meter.take();
  const atLeader = puts(stage, leader, 1, sequentialPuts);
  const atFollower = puts(stage, follower, 1, sequentialPuts);
  const hundredClients = puts(stage, leader, 100, rounds * 100);
  const quorumRead = { leader: read(stage, leader), follower: read(stage, follower) };
  for (const machine of stage.cluster.machines) {
    // A durable write is a write and a sync.
    machine.disk.faults.slowMicros = roundTripMicros / 4;
  }
  const atLeaderSlowDisk = puts(stage, leader, 1, sequentialPuts);

  const leased = new Stage({ protocol, members, seed, reads: "lease" });
  const holder = leased.settle();
  const other = leased.followers()[0] as Machine;
  return {
    members,
    atLeader,
    atFollower,
    atLeaderSlowDisk,
    hundredClients,
    quorumRead,
    leaseRead: { leader: read(leased, holder), follower: read(leased, other) },
    idle: { messagesPerSecond: idle.messages / 10, bytesPerSecond: Math.round(idle.bytes / 10) },
  };
}

/** Closed loop: each of `clients` puts again when it was answered. */
function puts(stage: Stage, machine: Machine, clients: number, total: number): CommitCost {
  const latencies: number[] = [];
  let called = 0;
  let failed = "";
  const next = (): void => {
    if (called === total) return;
    called++;
    const since = stage.world.now;
    stage.put(machine, (outcome) => {
      if (outcome?.kind !== "applied") failed = outcome?.error.code ?? "the member died";
      latencies.push((stage.world.now - since) / roundTripMicros);
      // In a turn of its own, as a client on the network is.
      stage.world.after(0, undefined, next);
    });
  };
  stage.meter.take();
  for (let client = 0; client < clients; client++) next();
  stage.run(60_000_000, () => latencies.length === total || failed !== "");
  if (failed !== "" || latencies.length < total) {
    throw new ComparisonFailed(`a put in a calm world failed: ${failed || "no answer"}`);
  }
  // What the last of them causes belongs to them as well.
  stage.run(2 * roundTripMicros);
  return costOf(stage.meter.take(), latencies);
}

function costOf(traffic: Traffic, latencies: number[]): CommitCost {
  const commits = latencies.length;
  latencies.sort((left, right) => left - right);
  return {
    commits,
    messages: rounded((traffic.messages - traffic.heartbeatMessages) / commits),
    bytes: Math.round((traffic.bytes - traffic.heartbeatBytes) / commits),
    syncs: rounded(traffic.syncs / commits),
    roundTrips: rounded(latencies[commits >> 1] as number),
  };
}

function read(stage: Stage, machine: Machine): number {
  const since = stage.world.now;
  let answered: number | undefined;
  machine.process?.member.read((error) => {
    if (error !== undefined) throw new ComparisonFailed(`a read failed: ${error.code}`);
    answered = stage.world.now;
  });
  stage.run(10_000_000, () => answered !== undefined);
  if (answered === undefined) throw new ComparisonFailed("a read was never answered");
  return rounded((answered - since) / roundTripMicros);
}

export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
