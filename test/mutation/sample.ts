// A sample that a seed decides, and that stays nearly the same while the code around it changes.

import type { Mutant } from "./plant.ts";
import { hashOf } from "./sources.ts";

export function sampleOf(mutants: readonly Mutant[], count: number, seed: number): Mutant[] {
  return mutants
    .map((mutant) => ({ mutant, lot: hashOf(`${seed}|${mutant.id}`) }))
    .sort((a, b) => (a.lot < b.lot ? -1 : 1))
    .slice(0, count)
    .map(({ mutant }) => mutant);
}
