// What the clients of a run will try, as a list that can be thinned out. Values are numbered, each
// written once, so that whoever reads one knows who wrote it.

import type { OperationKind, SimulationOptions } from "../options/options.ts";
import type { Prng } from "../random/prng.ts";

export interface PlannedOperation {
  readonly client: number;
  readonly kind: OperationKind;
  /** Pause of this client before it. */
  readonly thinkMs: number;
  readonly keys: readonly number[];
  /** The first value that it may write; one more for each further key. */
  readonly value: number;
  /** Moves on to this machine before it; undefined: stays with the one it has. */
  readonly machine: number | undefined;
  /** Writes tell what they replaced. */
  readonly tellPrevious: boolean;
}

export function drawOperations(options: SimulationOptions, prng: Prng): PlannedOperation[] {
  const { workload } = options;
  const machines = options.voters + options.learners + options.spares;
  const kinds = (Object.keys(workload.mix) as OperationKind[])
    .sort()
    .map((kind) => [workload.mix[kind], kind] as const);
  const operations: PlannedOperation[] = [];
  // Clients go on into the liveness phase, where progress is demanded.
  const untilMs = options.safetyMs + 5000;
  let value = 1;
  for (let client = 0; client < workload.clients; client++) {
    const own = prng.split(`client ${client}`);
    for (let atMs = 0; atMs < untilMs; ) {
      const kind = own.weighted(kinds);
      const many = kind === "transaction" || kind === "transactionRead";
      const first = own.below(workload.keys);
      // Transactions join neighbours only: groups of keys stay small, and so does the search.
      const keys = many && workload.keys > 1 ? [first & ~1, first | 1] : [first];
      const thinkMs = Math.floor(own.exponential(workload.thinkMs));
      operations.push({
        client,
        kind,
        thinkMs,
        keys: [...new Set(keys.map((key) => Math.min(key, workload.keys - 1)))],
        value,
        machine: own.chance(0.1) ? own.below(machines) : undefined,
        tellPrevious: own.chance(0.5),
      });
      value += keys.length;
      atMs += thinkMs + 1;
    }
  }
  return operations;
}
