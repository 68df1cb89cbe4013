// The cores taken apart, for those who explore every state that they can be in: the state of a core is
// plain data with a few leaf classes, and to compare two states all of it must be seen. Nothing in
// production imports this.

export { defineProtocol, type Parts } from "./core/core.ts";
export { Entries } from "./entries/entries.ts";
export { hasLease as hasPaxosLease } from "./paxos/lease.ts";
export { paxosParts } from "./paxos/paxos.ts";
export { Ranges } from "./paxos/ranges.ts";
export { Slots } from "./paxos/slots.ts";
export { InFlight } from "./progress/in-flight.ts";
export { Progress } from "./progress/progress.ts";
export { isQuorum } from "./quorum/quorum.ts";
export { hasLease as hasRaftLease } from "./raft/lease.ts";
export { raftParts } from "./raft/raft.ts";
export { ElectionTimer } from "./timer/election-timer.ts";
export { hasLease as hasZabLease } from "./zab/lease.ts";
export { zabParts } from "./zab/zab.ts";
