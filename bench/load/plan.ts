// What a generator is told and what it answers; both cross a process border as JSON.

import { Connection, type Target } from "./connection.ts";
import type { LatencySummary } from "./histogram.ts";

export type Work =
  | "put"
  | "linearizable-range"
  | "serializable-range"
  | "compare-and-swap"
  | "watch"
  | "lease-keepalive";

export interface LoadPlan {
  readonly work: Work;
  readonly targets: readonly Target[];
  /** Clients with a call in flight; of a watch, the watchers. */
  readonly clients: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly valueBytes: number;
  /** Keys 0..keys-1 are written or read, in an order that a fixed seed decides. */
  readonly keys: number;
}

export interface LoadResult {
  readonly work: Work;
  readonly clients: number;
  readonly connections: number;
  readonly seconds: number;
  /** Of a watch, events delivered. */
  readonly callsPerSecond: number;
  /** Answered since the start, warm-up and tail included. */
  readonly callsTotal: number;
  readonly failed: number;
  /** The first few, so that a failed run explains itself. */
  readonly failures: readonly string[];
  readonly latency: LatencySummary;
  /** Of this process during the measured part: near 100 % means the generator is what is measured. */
  readonly generatorCpuPercent: number;
}

/** Clients share connections as real applications do: one each up to ten, then ten, then a hundred. */
export function connectionsFor(clients: number): number {
  return clients <= 10 ? clients : clients <= 100 ? 10 : 100;
}

export async function openConnections(
  targets: readonly Target[],
  count: number,
  discardBodies = false,
): Promise<Connection[]> {
  const connections = Array.from({ length: count }, (_, i) => {
    const target = targets[i % targets.length];
    if (target === undefined) throw new Error("a load needs at least one target");
    return new Connection({ ...target, discardBodies });
  });
  await Promise.all(connections.map((connection) => connection.ready()));
  return connections;
}

export function valueBytesOf(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => 33 + ((i * 7) % 90));
}
