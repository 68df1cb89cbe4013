// Closed-loop load: each of N clients has one call in flight and starts the next when its answer comes.
// Clients share connections as real applications do: one each up to ten, then ten, then a hundred.

import { Connection, type Target } from "./connection.ts";
import { Histogram, type LatencySummary } from "./histogram.ts";
import { encodePut, encodeRange, keyOf, paths } from "./requests.ts";

export type Work = "put" | "linearizable-range" | "serializable-range";

export interface LoadPlan {
  readonly work: Work;
  readonly targets: readonly Target[];
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

export function connectionsFor(clients: number): number {
  return clients <= 10 ? clients : clients <= 100 ? 10 : 100;
}

export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const connections = await openConnections(plan);
  const requests = encodeRequests(plan);
  const path = plan.work === "put" ? paths.put : paths.range;
  const histogram = new Histogram();
  const failures: string[] = [];
  let failed = 0;
  let callsTotal = 0;
  let measuring = false;
  let stopping = false;
  let inFlight = 0;
  let random = 1;
  let allIdle: () => void = () => {};
  const idle = new Promise<void>((resolve) => {
    allIdle = resolve;
  });

  const startClient = (connection: Connection): void => {
    let startedAt = 0;
    const finished = (status: number, message: string): void => {
      callsTotal += 1;
      if (measuring) {
        if (status === 0) histogram.record((performance.now() - startedAt) * 1000);
        else failed += 1;
      }
      if (status !== 0 && failures.length < 5) failures.push(`${status} ${message}`);
      // A client whose connection broke stops: retrying in a tight loop would measure the loop.
      if (stopping || !connection.isOpen) {
        inFlight -= 1;
        if (inFlight === 0) allIdle();
        return;
      }
      next();
    };
    const next = (): void => {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
      startedAt = performance.now();
      const request = requests[random % requests.length];
      if (request === undefined) throw new Error("a load needs at least one key");
      connection.call(path, request, finished);
    };
    inFlight += 1;
    next();
  };
  for (let client = 0; client < plan.clients; client++) {
    const connection = connections[client % connections.length];
    if (connection !== undefined) startClient(connection);
  }

  await pause(plan.warmupSeconds * 1000);
  measuring = true;
  const cpuBefore = process.cpuUsage();
  const from = performance.now();
  await pause(plan.seconds * 1000);
  measuring = false;
  const seconds = (performance.now() - from) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  stopping = true;
  await Promise.race([idle, pauseAtMost(10_000)]);
  for (const connection of connections) connection.close();
  return {
    work: plan.work,
    clients: plan.clients,
    connections: connections.length,
    seconds,
    callsPerSecond: Math.round(histogram.count / seconds),
    callsTotal,
    failed,
    failures,
    latency: histogram.summary(),
    generatorCpuPercent: Math.round((cpu.user + cpu.system) / 1e4 / seconds),
  };
}

/** Writes every key of the plan once, so that ranges find what they ask for. */
export async function fillKeys(plan: LoadPlan): Promise<void> {
  const connections = await openConnections({ ...plan, clients: 10 });
  const value = valueBytesOf(plan.valueBytes);
  let nextKey = 0;
  await Promise.all(
    connections.flatMap((connection) =>
      Array.from({ length: 10 }, async () => {
        while (nextKey < plan.keys) {
          const put = encodePut(keyOf(nextKey++), value);
          await new Promise<void>((resolve, reject) => {
            connection.call(paths.put, put, (status, message) => {
              if (status === 0) resolve();
              else reject(new Error(`filling failed: ${status} ${message}`));
            });
          });
        }
      }),
    ),
  );
  for (const connection of connections) connection.close();
}

async function openConnections(plan: LoadPlan): Promise<Connection[]> {
  const count = connectionsFor(plan.clients);
  const connections = Array.from({ length: count }, (_, i) => {
    const target = plan.targets[i % plan.targets.length];
    if (target === undefined) throw new Error("a load needs at least one target");
    return new Connection({ ...target, discardBodies: true });
  });
  await Promise.all(connections.map((connection) => connection.ready()));
  return connections;
}

function encodeRequests(plan: LoadPlan): Uint8Array[] {
  const value = valueBytesOf(plan.valueBytes);
  return Array.from({ length: plan.keys }, (_, i) =>
    plan.work === "put"
      ? encodePut(keyOf(i), value)
      : encodeRange(keyOf(i), plan.work === "serializable-range"),
  );
}

function valueBytesOf(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => 33 + ((i * 7) % 90));
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** For a race: what wins earlier need not wait for this to end with the process. */
function pauseAtMost(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
