// The actors of a run together: started, wound down when the faults end, and asked what is still open.

import type { Prng } from "../../random/prng.ts";
import type { Actor, ActorWorld } from "./actor.ts";
import { Administrator } from "./administrator.ts";
import { Compactor } from "./compactor.ts";
import { ContendingActor } from "./contender.ts";
import { Holder } from "./holder.ts";
import { Loader } from "./loader.ts";
import type { PlannedActor } from "./plan.ts";
import { Reader } from "./reader.ts";
import { UserActor } from "./user.ts";
import { WatchActor } from "./watcher.ts";

export class Actors {
  readonly #actors: readonly Actor[];
  readonly #leases: ReadonlySet<bigint>;

  constructor(plan: readonly PlannedActor[], prng: Prng, context: ActorWorld) {
    this.#leases = context.checkers.reference.leases;
    this.#actors = plan.map((one) => create(one, prng.split(`actor ${one.id}`), context));
  }

  start(): void {
    for (const actor of this.#actors) actor.start();
  }

  /** `machines`: those that can be relied on now. Told again whenever they may have changed. */
  windDown(machines: readonly number[]): void {
    for (const actor of this.#actors) actor.windDown(machines);
  }

  /** Nobody keeps leases alive any more: all must end. */
  areSettled(): boolean {
    if (this.#actors.length === 0) return true;
    return this.#leases.size === 0 && this.#actors.every((actor) => actor.isSettled());
  }

  /** Who has not got what it is owed, for people. */
  describe(): string {
    const open = this.#actors
      .filter((actor) => !actor.isSettled())
      .map((actor) => actor.describe());
    for (const lease of this.#leases) open.push(`lease ${lease.toString(16)} has not ended`);
    return open.join("; ");
  }
}

function create(plan: PlannedActor, prng: Prng, context: ActorWorld): Actor {
  switch (plan.kind) {
    case "holder":
      return new Holder(plan, prng, context);
    case "watcher":
      return new WatchActor(plan, prng, context);
    case "contender":
      return new ContendingActor(plan, prng, context);
    case "loader":
      return new Loader(plan, prng, context);
    case "reader":
      return new Reader(plan, prng, context);
    case "compactor":
      return new Compactor(plan, prng, context);
    case "administrator":
      return new Administrator(plan, prng, context);
    case "user":
      return new UserActor(plan, prng, context);
  }
}
