// Closed-loop load: each of N clients has one call in flight and starts the next when its answer comes.

import type { Connection } from "./connection.ts";
import { Meter, pause, pauseAtMost } from "./meter.ts";
import {
  connectionsFor,
  type LoadPlan,
  type LoadResult,
  openConnections,
  valueBytesOf,
} from "./plan.ts";
import {
  encodePut,
  encodePuts,
  encodeRange,
  keyOf,
  paths,
  Swap,
  swapSucceeded,
} from "./requests.ts";

/** One client's next request; `answered` says why an answer is not what it should be. */
interface Client {
  readonly path: string;
  next(): Uint8Array;
  answered(body: Uint8Array | undefined): string | undefined;
}

export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const isSwap = plan.work === "compare-and-swap";
  const connections = await openConnections(plan.targets, connectionsFor(plan.clients), !isSwap);
  const createClient = isSwap ? swapsOf(plan) : sameForAll(overKeys(plan));
  const meter = new Meter();
  let inFlight = 0;
  let allIdle: () => void = () => {};
  const idle = new Promise<void>((resolve) => {
    allIdle = resolve;
  });

  const startClient = (connection: Connection, client: Client): void => {
    let startedAt = 0;
    const finished = (status: number, message: string, body: Uint8Array | undefined): void => {
      const fault = status === 0 ? client.answered(body) : `${status} ${message}`;
      if (fault === undefined) meter.answered(startedAt);
      else meter.failed(fault);
      // A client whose connection broke stops: retrying in a tight loop would measure the loop.
      if (meter.isStopping || !connection.isOpen) {
        inFlight -= 1;
        if (inFlight === 0) allIdle();
        return;
      }
      next();
    };
    const next = (): void => {
      startedAt = performance.now();
      connection.call(client.path, client.next(), finished);
    };
    inFlight += 1;
    next();
  };
  for (let number = 0; number < plan.clients; number++) {
    const connection = connections[number % connections.length];
    if (connection !== undefined) startClient(connection, createClient(number));
  }

  await meter.measure(plan);
  await Promise.race([idle, pauseAtMost(10_000)]);
  for (const connection of connections) connection.close();
  return meter.result(plan, connections.length);
}

export interface Fill {
  /** Keys from this one up to the plan's number are written once. */
  readonly from: number;
  /** Both programs take 128 operations to a transaction by default. */
  readonly putsPerTxn: number;
}

export async function fillKeys(plan: LoadPlan, { from, putsPerTxn }: Fill): Promise<void> {
  const connections = await openConnections(plan.targets, 10);
  const value = valueBytesOf(plan.valueBytes);
  let nextKey = from;
  const fill = async (connection: Connection): Promise<void> => {
    while (nextKey < plan.keys) {
      const first = nextKey;
      nextKey = Math.min(plan.keys, first + putsPerTxn);
      const keys = Array.from({ length: nextKey - first }, (_, i) => keyOf(first + i));
      const isPut = putsPerTxn === 1;
      const request = isPut ? encodePut(keyOf(first), value) : encodePuts(keys, value);
      // The same puts again do no harm; a machine that does much else may cost a leader its office.
      for (let attempt = 1; ; attempt++) {
        const failure = await failureOf(connection, isPut ? paths.put : paths.txn, request);
        if (failure === undefined) break;
        if (attempt === fillAttemptsMax) throw new Error(`filling failed: ${failure}`);
        await pause(fillRetryMs);
      }
    }
  };
  const inFlight = putsPerTxn === 1 ? 10 : 2;
  await Promise.all(
    connections.flatMap((connection) => Array.from({ length: inFlight }, () => fill(connection))),
  );
  for (const connection of connections) connection.close();
}

const fillAttemptsMax = 50;
const fillRetryMs = 200;

function failureOf(
  connection: Connection,
  path: string,
  request: Uint8Array,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    connection.call(path, request, (status, message) => {
      resolve(status === 0 ? undefined : `${status} ${message}`);
    });
  });
}

function sameForAll(client: Client): () => Client {
  return () => client;
}

function overKeys(plan: LoadPlan): Client {
  const value = valueBytesOf(plan.valueBytes);
  const requests = Array.from({ length: plan.keys }, (_, i) =>
    plan.work === "put"
      ? encodePut(keyOf(i), value)
      : encodeRange(keyOf(i), plan.work === "serializable-range"),
  );
  let random = 1;
  return {
    path: plan.work === "put" ? paths.put : paths.range,
    next() {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
      const request = requests[random % requests.length];
      if (request === undefined) throw new Error("a load needs at least one key");
      return request;
    },
    answered: () => undefined,
  };
}

/** Each client swaps a key of its own, and every swap must find what the one before it left. */
function swapsOf(plan: LoadPlan): (number: number) => Client {
  const value = valueBytesOf(plan.valueBytes);
  return (number) => {
    const swap = new Swap(Buffer.from(`swap/${process.pid}/${Date.now()}/${number}`), value);
    let version = 0;
    return {
      path: paths.txn,
      next: () => swap.from(version),
      answered(body) {
        if (!swapSucceeded(body)) return `version ${version} was not found, though it was written`;
        version += 1;
        return undefined;
      },
    };
  };
}
