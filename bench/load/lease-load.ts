// Leases kept alive: every connection is an application that holds its share of the leases and renews them
// over one stream, one after the other, with a few renewals in flight. That the lease lives is checked.

import type { Connection } from "./connection.ts";
import { Meter, pauseAtMost } from "./meter.ts";
import { type LoadPlan, type LoadResult, openConnections } from "./plan.ts";
import { encodeLeaseGrant, encodeLeaseKeepAlive, paths } from "./requests.ts";
import { eachField } from "./responses.ts";

const connectionsMax = 100;
const inFlightPerConnection = 10;
/** Longer than a run: a lease that is not renewed in it is still there. */
const ttlSeconds = 120;

export async function runLeaseLoad(plan: LoadPlan): Promise<LoadResult> {
  const count = Math.min(connectionsMax, plan.clients);
  const connections = await openConnections(plan.targets, count);
  const meter = new Meter();
  // No other run has these.
  const base = Date.now() * 2 ** 10;
  let nextLease = 0;
  await Promise.all(
    connections.map(async (connection) => {
      while (nextLease < plan.clients) await grant(connection, base + nextLease++);
    }),
  );

  const startedAt = new Float64Array(plan.clients);
  let open = 0;
  let inFlight = 0;
  let allIdle: () => void = () => {};
  const idle = new Promise<void>((resolve) => {
    allIdle = resolve;
  });
  connections.forEach((connection, number) => {
    let turn = number;
    open += 1;
    const renewNext = (): void => {
      startedAt[turn] = performance.now();
      inFlight += 1;
      connection.send(stream, encodeLeaseKeepAlive(base + turn));
      turn += count;
      if (turn >= plan.clients) turn = number;
    };
    const stream = connection.stream(paths.leaseKeepAlive, {
      isBorrowed: true,
      onMessage: (body) => {
        let lease = -1;
        let ttl = 0;
        eachField(body, (field, value) => {
          if (field === 2) lease = value - base;
          else if (field === 3) ttl = value;
        });
        inFlight -= 1;
        if (ttl > 0) meter.answered(startedAt[lease] ?? 0);
        else meter.failed(`lease ${lease} had ended`);
        if (!meter.isStopping) renewNext();
        else if (inFlight === 0) allIdle();
      },
      onEnd: (status, message) => {
        open -= 1;
        if (!meter.isStopping) meter.failed(`keepalive: ${status} ${message}`);
        if (open === 0) allIdle();
      },
    });
    const share = Math.ceil((plan.clients - number) / count);
    for (let i = 0; i < Math.min(inFlightPerConnection, share); i++) renewNext();
  });
  await meter.measure(plan);
  await Promise.race([idle, pauseAtMost(10_000)]);
  for (const connection of connections) connection.close();
  return meter.result(plan, count);
}

function grant(connection: Connection, lease: number): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.call(paths.leaseGrant, encodeLeaseGrant(lease, ttlSeconds), (status, message) => {
      if (status === 0) resolve();
      else reject(new Error(`granting a lease failed: ${status} ${message}`));
    });
  });
}
