// Every state that can be reached within the bounds, breadth first: what breaks is found by the shortest way
// there is. Tells whether it came to the end; where it did not, it says nothing about what lies beyond.

import { paxosParts, raftParts, zabParts } from "@althing/consensus/parts";
import type { Bounds } from "./bounds.ts";
import { tellWay } from "./script.ts";
import { States } from "./states.ts";
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
  /** All states within the bounds were seen. */
  readonly isComplete: boolean;
  readonly counterexample: Counterexample | undefined;
}

export interface Counterexample {
  readonly broken: readonly string[];
  readonly moves: number;
  readonly script: string;
}

export interface ExploreOptions {
  readonly protocol: "raft" | "paxos" | "zab";
  readonly bounds: Bounds;
  /** Stops there, incomplete. */
  readonly statesMax: number;
  readonly onLevel?: (depth: number, states: number, level: number) => void;
  /** Asked after each level and in between: stop, incomplete. */
  readonly isOver?: () => boolean;
}

const parts: Readonly<Record<ExploreOptions["protocol"], unknown>> = {
  raft: raftParts,
  paxos: paxosParts,
  zab: zabParts,
};

export function explore(options: ExploreOptions): Exploration {
  const { protocol, bounds, statesMax, onLevel, isOver } = options;
  // A protocol's messages and state are its own business; to the exploration they are opaque.
  const world = new World(parts[protocol] as AnyParts, bounds);
  const states = new States(world.width);
  states.add(world.start(), -1);
  let moves = 0;
  let depth = 0;
  let levelEnd = 1;
  const end = (isComplete: boolean, counterexample?: Counterexample): Exploration => ({
    states: states.count,
    moves,
    depth,
    memberStates: world.locals.all.length,
    memberSteps: world.locals.steps,
    isComplete,
    counterexample,
  });
  for (let at = 0; at < states.count; at++) {
    if (at === levelEnd) {
      depth++;
      levelEnd = states.count;
      onLevel?.(depth, at, levelEnd - at);
    }
    if (states.count > statesMax || (at % 4096 === 0 && isOver?.() === true)) return end(false);
    const row = states.at(at);
    for (const move of world.moves(row)) {
      moves++;
      const after = world.perform(row, move);
      if (after.broken.length > 0) {
        const way = wayTo(world, states, at);
        const script = tellWay(world, protocol, [...way, { row, move }]);
        return end(false, { broken: after.broken, moves: way.length + 1, script });
      }
      states.add(after.row, at);
    }
  }
  return end(true);
}

/** The moves from the start to a state: rows are kept, moves are found again. */
function wayTo(world: World, states: States, number: number) {
  const way = [];
  for (let at = number; at > 0; at = states.parentOf(at)) {
    const row = states.at(states.parentOf(at));
    const wanted = states.at(at).join();
    const move = world.moves(row).find((each) => world.perform(row, each).row.join() === wanted);
    if (move === undefined) throw new Error("a way that was gone is not found again");
    way.push({ row, move });
  }
  return way.reverse();
}
