// Everything that hunts, and how much of the time each is worth.

import { type ProtocolName, protocolNames } from "@althing/simulator";
import type { Hunter } from "./hunter.ts";
import { explorationsOf } from "./hunters/explorations.ts";
import { fuzzing } from "./hunters/fuzz.ts";
import { knownMutants } from "./hunters/mutants.ts";
import { plansOf } from "./hunters/plans.ts";
import { seedsOf } from "./hunters/seeds.ts";
import type { Ledger } from "./ledger.ts";

const shares = { seeds: 12, plans: 10, explore: 5, mutants: 10, fuzz: 9 } as const;

export type Machinery = keyof typeof shares;
export const machineries = Object.keys(shares) as readonly Machinery[];

export interface Wanted {
  /** Of one protocol: without those that have none. */
  readonly protocol: ProtocolName | undefined;
  readonly only: readonly Machinery[];
}

export function huntersOf({ protocol, only }: Wanted, { seed, explorations }: Ledger): Hunter[] {
  const protocols = protocol === undefined ? protocolNames : [protocol];
  const ofEach = protocols.flatMap((name) => [
    seedsOf(name, seed, shares.seeds),
    plansOf(name, seed, shares.plans),
    explorationsOf(name, seed, shares.explore, explorations),
  ]);
  const ofNone = [knownMutants(seed, shares.mutants), fuzzing(seed, shares.fuzz)];
  return [...ofEach, ...(protocol === undefined ? ofNone : [])].filter(({ name }) =>
    only.some((machinery) => name.startsWith(machinery)),
  );
}
