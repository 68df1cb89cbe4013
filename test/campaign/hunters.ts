// Everything that hunts, and how much of the time each is worth.

import { type ProtocolName, protocolNames } from "@althing/simulator";
import type { Hunter } from "./hunter.ts";
import { explorationsOf } from "./hunters/explorations.ts";
import { fuzzing } from "./hunters/fuzz.ts";
import { knownMutants } from "./hunters/mutants.ts";
import { plansOf } from "./hunters/plans.ts";
import { seedsOf } from "./hunters/seeds.ts";
import type { Ledger } from "./ledger.ts";

const shares = { seeds: 12, plans: 10, explorations: 5, mutants: 10, fuzz: 9 } as const;

/** Of one protocol: without what has none. */
export function huntersOf(
  seed: number,
  only: ProtocolName | undefined,
  ledger: () => Ledger,
): Hunter[] {
  const protocols = only === undefined ? protocolNames : [only];
  const ofProtocols = protocols.flatMap((protocol) => [
    seedsOf(protocol, seed, shares.seeds),
    plansOf(protocol, seed, shares.plans),
    explorationsOf(protocol, seed, shares.explorations, (done) => ledger().explorations.push(done)),
  ]);
  if (only !== undefined) return ofProtocols;
  return [...ofProtocols, knownMutants(seed, shares.mutants), fuzzing(seed, shares.fuzz)];
}
