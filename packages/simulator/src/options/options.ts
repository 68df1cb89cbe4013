// Everything that decides a run besides its seed, fully spelled out and plain JSON: what a scenario
// file holds, what the swarm draws, what the command line overrides.

import type { DiskLatency } from "../disk/device.ts";
import type { NetworkOptions } from "../network/network.ts";

export type ProtocolName = "raft" | "paxos" | "zab";
export const protocolNames: readonly ProtocolName[] = ["raft", "paxos", "zab"];

export interface WorkloadOptions {
  readonly clients: number;
  readonly keys: number;
  /** Mean pause of a client between two operations. */
  readonly thinkMs: number;
  readonly valueBytes: number;
  /** Weights of the kinds of operations. */
  readonly mix: Readonly<Record<OperationKind, number>>;
}
export type OperationKind =
  | "put"
  | "delete"
  | "compareAndSwap"
  | "transaction"
  | "read"
  | "serializableRead"
  | "transactionRead";

export interface DiskEngineOptions {
  readonly commitDelayMs: number;
  readonly cacheBytes: number;
  readonly retryAfterMs: number;
  readonly workPerTurn?: number;
}

export interface SimulationOptions {
  readonly protocol: ProtocolName;
  readonly voters: number;
  readonly learners: number;
  /** Machines that are no members at first; membership changes may bring them in. */
  readonly spares: number;
  readonly tickMs: number;
  readonly heartbeatTicks: number;
  readonly electionTicks: number;
  readonly reads: "quorum" | "lease";
  readonly clockDriftMax: number;
  /** Paxos: acceptors that each phase needs; majorities when left out. */
  readonly paxosQuorums?: { readonly prepare: number; readonly accept: number };
  /** By member; the last value serves for those beyond. */
  readonly priorities: readonly number[];
  readonly snapshotCount: number;
  readonly catchUpEntries: number;
  readonly requestTimeoutMs: number;
  readonly proposalsInFlightMax: number;
  readonly segmentBytes: number;
  readonly messageBytesMax: number;
  readonly messagesInFlightMax: number;
  readonly uncommittedBytesMax: number;
  readonly network: NetworkOptions;
  readonly disk: DiskLatency;
  /** A disk that acknowledges syncs it did not do: the canary's world. */
  readonly lyingDisks: boolean;
  /** Most that a turn of the event loop takes, and that a timer is late. */
  readonly turnMicrosMax: number;
  readonly timerLateMicrosMax: number;
  /** Clocks run at rates within 1 plus or minus this. */
  readonly clockSkew: number;
  /** Messages pass through the production encoding. */
  readonly encodeMessages: boolean;
  /** Faults happen until then; after it a core is healed and must make progress. */
  readonly safetyMs: number;
  /** Bound of the liveness phase. */
  readonly livenessMs: number;
  /** The protocol's own invariants are checked after every so many steps; 1: after each. */
  readonly invariantsEvery: number;
  readonly workload: WorkloadOptions;
  /** Who is no member from the beginning starts without knowing any, as in production. */
  readonly joinersKnowNobody?: boolean;
  /** A process that starts again does so with other settings, where an operator may change them. */
  readonly settingsChange?: boolean;
  /** The disk engine and its settings; the memory engine with checkpoints when left out. */
  readonly diskEngine?: DiskEngineOptions;
  /** Production's when left out. */
  readonly leaseCheckpointMs?: number;
  /** How much of history a member reads at once for its watchers; production's when left out. */
  readonly watchPieces?: { readonly eventsPerPiece: number; readonly bytesPerMessage: number };
}

/** What can be turned off from the command line; each names a group of faults. */
export type FaultSwitch =
  | "crash"
  | "pause"
  | "partition"
  | "network"
  | "disk"
  | "damage"
  | "clock"
  | "membership"
  | "transfer";
export const faultSwitches: readonly FaultSwitch[] = [
  "crash",
  "pause",
  "partition",
  "network",
  "disk",
  "damage",
  "clock",
  "membership",
  "transfer",
];
