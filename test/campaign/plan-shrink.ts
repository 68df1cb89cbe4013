// A failing plan made small: moves are left out, many at a time and then few, as long as what is left fails by the same
// property at the same place.

import type { Protocol } from "@althing/consensus";
import { type RandomPlan, runRandomPlan } from "../../packages/consensus/src/testing/random-run.ts";
import { failureOf, type PlanFailure } from "./plan-failure.ts";

const runsMax = 2000;

export function shrinkPlan(protocol: Protocol, plan: RandomPlan, failure: PlanFailure): RandomPlan {
  let runs = 0;
  const failsAlike = (moves: RandomPlan["moves"]) => {
    runs++;
    try {
      runRandomPlan(protocol, { ...plan, moves });
      return false;
    } catch (error) {
      const { property, place } = failureOf(error);
      return property === failure.property && place === failure.place;
    }
  };
  let { moves } = plan;
  for (let size = moves.length >> 1; size >= 1 && runs < runsMax; ) {
    let isSmaller = false;
    for (let at = 0; at < moves.length && runs < runsMax; ) {
      const rest = [...moves.slice(0, at), ...moves.slice(at + size)];
      if (failsAlike(rest)) {
        moves = rest;
        isSmaller = true;
      } else at += size;
    }
    if (!isSmaller || size > 1) size = size === 1 ? 0 : size >> 1;
  }
  return { ...plan, moves };
}
