// The consensus protocols by their names. A protocol's messages and state are its own business; to a
// server they are opaque.

import { type Protocol, paxos, raft, zab } from "@althing/consensus";
import type { ProtocolName } from "./config/protocols.ts";

const protocols: Readonly<Record<ProtocolName, unknown>> = { raft, paxos, zab };

export function protocolNamed(name: ProtocolName): Protocol {
  return protocols[name] as Protocol;
}
