// Every state that can be reached within the bounds, breadth first: what breaks is found by the shortest way
// there is. Tells whether it came to the end; where it did not, it says nothing about what lies beyond.

import { paxosParts, raftParts, zabParts } from "@althing/consensus/parts";
import type { Bounds } from "./bounds.ts";
import { Level, Ways } from "./frontier.ts";
import { Order } from "./order.ts";
import { type Stage, tellWay } from "./script.ts";
import { collisionChance, Visited } from "./visited.ts";
import { type AnyParts, World } from "./world.ts";

export interface Exploration {
  readonly states: number;
  /** Moves that were tried. */
  readonly moves: number;
  /** Moves of the longest of the shortest ways. */
  readonly depth: number;
  /** Different states of single members, and how often a core was really stepped. */
  readonly memberStates: number;
  readonly memberSteps: number;
  /** That two states were taken for one anywhere. */
  readonly collisionChance: number;
  /** All states within the bounds were seen. */
  readonly isComplete: boolean;
  readonly counterexample: Counterexample | undefined;
}

export interface Counterexample {
  readonly broken: readonly string[];
  readonly moves: number;
  readonly script: string;
}

/** How far it is. */
export interface Progress {
  readonly depth: number;
  readonly states: number;
  /** Of this level, to go on from. */
  readonly waiting: number;
  /** Found for the next one. */
  readonly found: number;
}

export interface ExploreOptions {
  readonly protocol: "raft" | "paxos" | "zab";
  readonly bounds: Bounds;
  /** Stops there, incomplete. */
  readonly statesMax: number;
}

const parts: Readonly<Record<ExploreOptions["protocol"], unknown>> = {
  raft: raftParts,
  paxos: paxosParts,
  zab: zabParts,
};
const statesBetween = 4096;

/** To the end, or to as many states as may be. */
export function explore(options: ExploreOptions): Exploration {
  const steps = exploring(options);
  for (;;) {
    const step = steps.next(false);
    if (step.done === true) return step.value;
  }
}

/** Tells now and then how far it is; who answers true makes it end there, incomplete. */
export function* exploring(options: ExploreOptions): Generator<Progress, Exploration, boolean> {
  const { protocol, bounds, statesMax } = options;
  // A protocol's messages and state are its own business; to the exploration they are opaque.
  const world = new World(parts[protocol] as AnyParts, bounds);
  const order = new Order(world, bounds);
  const visited = new Visited();
  const ways = new Ways();
  const row = world.start();
  const next = new Int32Array(row.length);
  const broken: string[] = [];
  let level = new Level(row.length);
  let moves = 0;
  let depth = 0;
  let at = 0;
  visited.add(row);
  ways.add(0, 0);
  level.push(row);
  const end = (isComplete: boolean, counterexample?: Counterexample): Exploration => ({
    states: visited.count,
    moves,
    depth,
    memberStates: world.locals.all.length,
    memberSteps: world.locals.steps,
    collisionChance: collisionChance(visited.count),
    isComplete,
    counterexample,
  });
  for (;;) {
    const found = new Level(row.length);
    for (let place = 0; place < level.count; place++, at++) {
      level.take(place, row);
      const possible = order.moves(row);
      for (let i = 0; i < possible.length; i++) {
        moves++;
        world.perform(row, possible[i]!, next, broken);
        if (broken.length > 0) {
          const way = wayTo(world, order, [...ways.to(at), i]);
          const script = tellWay(world, protocol, way);
          return end(false, { broken, moves: way.length, script });
        }
        if (!visited.add(next)) continue;
        ways.add(at, i);
        found.push(next);
      }
      if (visited.count > statesMax) return end(false);
      if (at % statesBetween !== 0) continue;
      const waiting = level.count - place;
      const isOver = yield { depth, states: visited.count, waiting, found: found.count };
      if (isOver) return end(false);
    }
    if (found.count === 0) return end(true);
    depth++;
    level = found;
  }
}

/** States are not kept: each is what the move before made of the one before. */
function wayTo(world: World, order: Order, places: readonly number[]): readonly Stage[] {
  const way: Stage[] = [];
  let row = world.start();
  for (const place of places) {
    const move = order.moves(row)[place]!;
    way.push({ row, move });
    const next = new Int32Array(row.length);
    world.perform(row, move, next, []);
    row = next;
  }
  return way;
}
