// The same items in an order that the seed decides.

import { randomOf } from "../../packages/consensus/src/testing/random-run.ts";

export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = randomOf(seed);
  const left = [...items];
  return items.map(() => left.splice(Math.floor(random() * left.length), 1)[0]!);
}
