// Who else works with the cluster in a run, beside the clients whose history is searched: holders of
// leases, watchers, contenders for locks and elections, those who compact, who brings many
// keys in, those who read all of them in many steps, and in one run of four users with an administrator who
// changes what they may. What each does comes from its own split of the seed, so that any subset of a plan is a
// plan.

import type { SimulationOptions } from "../../options/options.ts";
import type { Prng } from "../../random/prng.ts";

export type ActorKind =
  | "holder"
  | "watcher"
  | "contender"
  | "compactor"
  | "loader"
  | "reader"
  | "administrator"
  | "user";
export const actorKinds: readonly ActorKind[] = [
  "holder",
  "watcher",
  "contender",
  "compactor",
  "loader",
  "reader",
  "administrator",
  "user",
];

export interface PlannedActor {
  readonly kind: ActorKind;
  readonly id: number;
  /** Mean pause between two things that it does. */
  readonly paceMs: number;
  /** Those that bring many keys in. */
  readonly keys?: number;
}

const mostOf: Readonly<Record<ActorKind, number>> = {
  holder: 3,
  watcher: 4,
  contender: 4,
  compactor: 2,
  loader: 1,
  reader: 2,
  administrator: 1,
  user: 4,
};

/** `wanted`: these and no others, at least one of each. */
export function drawActors(
  options: SimulationOptions,
  prng: Prng,
  wanted: ReadonlySet<ActorKind> | undefined,
): PlannedActor[] {
  const actors: PlannedActor[] = [];
  const isQuiet = prng.chance(0.5);
  const hasAuth = prng.split("auth").chance(0.25);
  const electionMs = options.tickMs * options.electionTicks;
  let id = 0;
  for (const kind of actorKinds) {
    const own = prng.split(kind);
    const isOfAuth = kind === "administrator" || kind === "user";
    const isLeftOut = isOfAuth ? !hasAuth : own.chance(0.5);
    const isNeverAlone = kind === "contender" || kind === "user";
    const drawn = isLeftOut ? 0 : own.between(isNeverAlone ? 2 : 1, mostOf[kind]);
    const isAbsent = isQuiet && !isOfAuth;
    const count =
      wanted === undefined ? (isAbsent ? 0 : drawn) : wanted.has(kind) ? Math.max(2, drawn) : 0;
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
