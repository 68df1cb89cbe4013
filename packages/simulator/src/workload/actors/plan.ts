// Who else works with the cluster in a run, beside the clients whose history is searched: holders of
// leases, watchers, contenders for locks and elections, those who compact, who brings many
// keys in, and those who read all of them in many steps. What each does comes from
// its own split of the seed, so that any subset of a plan is a plan.

import type { SimulationOptions } from "../../options/options.ts";
import type { Prng } from "../../random/prng.ts";

export type ActorKind = "holder" | "watcher" | "contender" | "compactor" | "loader" | "reader";
export const actorKinds: readonly ActorKind[] = [
  "holder",
  "watcher",
  "contender",
  "compactor",
  "loader",
  "reader",
];

export interface PlannedActor {
  readonly kind: ActorKind;
  readonly id: number;
  /** Mean pause between two things that it does. */
  readonly paceMs: number;
  /** Those that bring many keys in. */
  readonly keys?: number;
}

/** `wanted`: these and no others, at least one of each. */
export function drawActors(
  options: SimulationOptions,
  prng: Prng,
  wanted: ReadonlySet<ActorKind> | undefined,
): PlannedActor[] {
  const actors: PlannedActor[] = [];
  const isQuiet = prng.chance(0.5);
  const electionMs = options.tickMs * options.electionTicks;
  let id = 0;
  for (const kind of actorKinds) {
    const own = prng.split(kind);
    const most = { holder: 3, watcher: 4, contender: 4, compactor: 2, loader: 1, reader: 2 }[kind];
    const drawn = own.chance(0.5) ? 0 : own.between(kind === "contender" ? 2 : 1, most);
    const count =
      wanted === undefined ? (isQuiet ? 0 : drawn) : wanted.has(kind) ? Math.max(2, drawn) : 0;
    for (let i = 0; i < count; i++) {
      const paceMs = Math.ceil(electionMs * own.logUniform(0.1, 1));
      // Whoever compacts reads all of the past at once, again and again.
      const isRead = actors.some((other) => other.kind === "compactor");
      const many = kind === "loader" && {
        keys: own.pick(isRead ? [100, 300] : [300, 3000, 30_000]),
      };
      actors.push({ kind, id: id++, paceMs, ...many });
    }
  }
  return actors;
}
