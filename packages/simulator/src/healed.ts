// What is demanded of a cluster once its faults are over: progress on every member that can be relied on; then,
// when nobody asks for anything more, that what was written comes to the disks and what was compacted goes
// from them; and then that a write is taken all the same.

import type { Violation } from "@althing/consensus";
import { encodeCommand } from "@althing/store";
import { AtRest } from "./checkers/at-rest.ts";
import { Liveness } from "./checkers/liveness.ts";
import type { Cluster } from "./cluster/cluster.ts";
import type { Nemesis } from "./faults/nemesis.ts";
import type { Fault } from "./faults/plan.ts";
import type { SimulationOptions } from "./options/options.ts";
import type { Trace } from "./trace/trace.ts";
import type { Actors } from "./workload/actors/actors.ts";
import type { Client } from "./workload/client.ts";
import type { World } from "./world/world.ts";

const pollEveryMicros = 50_000;
/** Commits wait a second at most, a failed one for another, and what they make sparse is rewritten after them. */
const restMs = 30_000;

interface Plan {
  readonly options: SimulationOptions;
  readonly faults: readonly Fault[];
}

export interface HealedParts {
  readonly world: World;
  readonly trace: Trace;
  readonly cluster: Cluster;
  readonly nemesis: Nemesis;
  readonly actors: Actors;
  readonly clients: readonly Client[];
  readonly over: () => boolean;
}

export interface Demand {
  /** Progress was made, or would have been a violation. */
  readonly demanded: boolean;
  readonly violation: Violation | undefined;
}

export function demandOfHealed(input: Plan, parts: HealedParts): Demand {
  const { world, trace, cluster, nemesis, actors, over } = parts;
  nemesis.heal(input.faults);
  const { livenessMs } = input.options;
  const liveness = livenessOf(input, parts);
  const done = pollUntil(parts, livenessMs, () => {
    actors.windDown(liveness.reliable());
    return liveness.poll() && actors.areSettled();
  });
  const demanded = done || liveness.demanded;
  if (over() || !demanded) return { demanded, violation: undefined };
  if (!done) {
    const detail = `no progress within ${livenessMs} ms of healing: ${liveness.describe()} ${actors.describe()}`;
    return { demanded, violation: { property: "liveness", detail } };
  }
  const machines = liveness.reliable();
  for (const client of parts.clients) client.stop();
  trace.text("phase", "rest", (at) => ({ kind: "phase", at, what: "nobody asks any more" }));
  const rest = new AtRest(cluster, machines);
  if (!pollUntil(parts, restMs, () => rest.poll()) && !over()) {
    const detail = `not at rest within ${restMs} ms: ${rest.describe()}`;
    return { demanded, violation: { property: "at rest", detail } };
  }
  const again = livenessOf(input, parts);
  if (pollUntil(parts, livenessMs, () => again.poll()) || over() || !again.demanded) {
    return { demanded, violation: undefined };
  }
  const detail = `no write was taken after ${world.now / 1000} ms: ${again.describe()}`;
  return { demanded, violation: { property: "liveness", detail } };
}

function livenessOf({ options }: Plan, { world, trace, cluster }: HealedParts): Liveness {
  const quorums = options.paxosQuorums;
  const needed = quorums && Math.max(quorums.prepare, quorums.accept);
  return new Liveness(world, cluster, trace, probeOf, needed);
}

/** Whether it held in time, and nothing was violated before. */
function pollUntil({ world, over }: HealedParts, ms: number, holds: () => boolean): boolean {
  let done = false;
  let polledAt = 0;
  world.runUntil(world.now + ms * 1000, () => {
    if (over()) return true;
    if (world.now - polledAt < pollEveryMicros) return false;
    polledAt = world.now;
    done = holds();
    return done;
  });
  return done;
}

/** A write of its own for each machine. */
function probeOf(ordinal: number): Uint8Array {
  return encodeCommand({
    kind: "put",
    key: `probe-${ordinal}`,
    value: new Uint8Array([49]),
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  });
}
