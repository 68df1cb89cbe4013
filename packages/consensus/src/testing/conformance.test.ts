// Every protocol passes every case of the one suite.

import { describe, test } from "node:test";
import type { Protocol } from "../contract.ts";
import * as protocols from "../index.ts";
import { conformance } from "./conformance.ts";

const known = [protocols.raft, protocols.paxos, protocols.zab] as unknown as readonly Protocol[];
for (const protocol of known) {
  describe(protocol.name, () => {
    for (const { name, run } of conformance) test(name, () => run(protocol));
  });
}
