// What a runtime may build on where an older leader's entries are concerned. In Raft and Zab a leader's
// first entry ends what older ones proposed: nothing of an older epoch ever comes after it. In Paxos
// slots are independent: what an older leader proposed beyond everything that phase 1 found, and a few
// acceptors hold, a later leader may find and complete. See the member's fences.

import type { Protocol } from "./contract.ts";

export function olderEntriesMayFollow({ name }: Pick<Protocol, "name">): boolean {
  return name === "paxos";
}
