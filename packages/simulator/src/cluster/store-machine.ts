// The key-value store on a machine: production's store and service, over the engine that the run has drawn.

import type { Clock } from "@althing/member";
import { createService, Succession } from "@althing/service";
import { openStore, WatchHub } from "@althing/store";
import { ObservedStore } from "../observe/observed-store.ts";
import type { SimulationOptions } from "../options/options.ts";
import type { Prng } from "../random/prng.ts";
import { openEngine } from "./engine.ts";
import type { MachineParts, OpenMachine } from "./open-machine.ts";

export const openStoreMachine: OpenMachine = (parts: MachineParts) => {
  const { world, machine, options, chance, watch, trace, memberOptions } = parts;
  const { clock, disk: files } = memberOptions.ports;
  const checksum = parts.crc32 === undefined ? {} : { crc32: parts.crc32 };
  const prng = chance.split("store");
  const engine = openEngine({ world, machine, clock, files, options, prng, trace, ...checksum });
  const store = new ObservedStore(openStore({ engine, ...checksum }), watch);
  const hub = hubOf(store, clock, chance.split("hub"), options);
  const { leaseCheckpointMs } = options;
  const { member, leases } = createService({
    ...memberOptions,
    store,
    ...(leaseCheckpointMs !== undefined && { leaseCheckpointMs }),
  });
  member.onApplied(() => hub.advance());
  const succession = new Succession({
    member,
    store,
    hub,
    drawLease: () => BigInt(chance.word()) | 1n,
    after: (ms, run) => clock.after(ms, run),
  });
  return { member, clients: { engine, store, leases, hub, succession } };
};

/** Its time for one turn is over at odd moments. */
function hubOf(
  store: ObservedStore,
  clock: Clock,
  chance: Prng,
  { watchPieces }: SimulationOptions,
): WatchHub {
  return new WatchHub(store, {
    nowMs: () => clock.monotonicMs() + (chance.chance(0.1) ? 10 : 0),
    soon: (run) => clock.soon(run),
    ...watchPieces,
  });
}
