// Every mutant, and the canary: no mutant at all, but disks that lie. It must fail as well, or the
// simulator would not notice lost writes.

import { compactionMutants } from "./compactions.ts";
import { leaseMutants } from "./leases.ts";
import { logMutants } from "./log.ts";
import { memberMutants } from "./member.ts";
import type { Mutant } from "./mutant.ts";
import { paxosMutants } from "./paxos.ts";
import { raftMutants } from "./raft.ts";
import { rightsMutants } from "./rights.ts";
import { sessionMutants } from "./sessions.ts";
import { storeMutants } from "./store.ts";
import { watchMutants } from "./watches.ts";
import { zabMutants } from "./zab.ts";

const canary: Mutant = {
  name: "canary",
  about: "no code is altered, but disks acknowledge syncs that they did not do",
  edits: [],
  flags: ["--lying-disks", "--faults", "crash"],
  seedsMax: 50,
};

export const mutants: readonly Mutant[] = [
  canary,
  ...raftMutants,
  ...paxosMutants,
  ...zabMutants,
  ...logMutants,
  ...memberMutants,
  ...storeMutants,
  ...watchMutants,
  ...compactionMutants,
  ...leaseMutants,
  ...sessionMutants,
  ...rightsMutants,
];
