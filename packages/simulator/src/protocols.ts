// The protocols that can be simulated, by name.

import type { Protocol } from "@althing/consensus";
import * as consensus from "@althing/consensus";
import type { ProtocolName } from "./options/options.ts";

/** Undefined for one that this build does not have. */
export function protocolNamed(name: ProtocolName): Protocol | undefined {
  // A protocol's messages and state are its own business; to the world they are opaque.
  const known = consensus as unknown as Readonly<Record<string, Protocol | undefined>>;
  return known[name];
}
