// The key-value store on a machine: production's store and service, over the engine that the run has drawn.

import type { Clock, Member } from "@althing/member";
import { createService, Succession, WatchStreams } from "@althing/service";
import { openStore, WatchHub, WatchRights } from "@althing/store";
import type { WatchFault } from "../checkers/watch-stream.ts";
import { ObservedStore } from "../observe/observed-store.ts";
import type { SimulationOptions } from "../options/options.ts";
import type { Prng } from "../random/prng.ts";
import type { Nobody } from "../workload/service.ts";
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
  const watchRights = new WatchRights<Nobody>(store, (run) => clock.soon(run));
  member.onApplied(() => {
    watchRights.review();
    hub.advance();
  });
  const succession = new Succession({
    member,
    store,
    hub,
    drawLease: () => BigInt(chance.word()) | 1n,
    after: (ms, run) => clock.after(ms, run),
  });
  const watches = streamsOf(store, hub, member, clock, options);
  return { member, clients: { engine, store, leases, hub, watchRights, watches, succession } };
};

/** Rights are judged each time that something is told, for they end whenever a client's actor says so. */
function streamsOf(
  store: ObservedStore,
  hub: WatchHub,
  member: Pick<Member, "status">,
  clock: Clock,
  { watchPieces, tickMs, electionTicks }: SimulationOptions,
): WatchStreams<WatchFault> {
  return new WatchStreams({
    store,
    hub,
    areRightsJudged: () => false,
    soon: (run) => clock.soon(run),
    every: (ms, run) => every(clock, ms, run),
    standing() {
      const { state, leader } = member.status();
      return { fault: state === "running" ? undefined : state, hasLeader: leader !== undefined };
    },
    fragmentBytesMax: watchPieces?.bytesPerMessage ?? 1_000_000,
    progressIntervalMs: tickMs * electionTicks,
  });
}

function every(clock: Clock, ms: number, run: () => void): void {
  clock.after(ms, () => {
    run();
    every(clock, ms, run);
  });
}

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
