// What is explored to the end, again and again: the small suite with every change, the large one as a
// campaign. The numbers of states are fixed: another one means that a core does something else, or that the
// exploration no longer does all that it did.

import { type Bounds, noBounds } from "./bounds.ts";
import type { ExploreOptions } from "./explore.ts";

export interface Chapter {
  readonly protocol: ExploreOptions["protocol"];
  readonly bounds: Bounds;
  readonly states: number;
}

export type SuiteName = "small" | "large";

function chapter(protocol: Chapter["protocol"], states: number, bounds: Partial<Bounds>): Chapter {
  return { protocol, states, bounds: { ...noBounds, terms: 1, ...bounds } };
}

const small: readonly Chapter[] = [
  // In every order.
  chapter("raft", 148996, { entries: 1, crashes: 1, drops: 1 }),
  chapter("raft", 42139, { entries: 1, drops: 1, installs: 1 }),
  chapter("raft", 197281, { transfers: 1 }),
  chapter("raft", 7243, { memberships: 1 }),
  chapter("raft", 679144, { terms: 2 }),
  chapter("paxos", 92071, { entries: 1, crashes: 1, drops: 1 }),
  chapter("paxos", 23125, { entries: 1, drops: 1, installs: 1 }),
  chapter("paxos", 16681, { transfers: 1 }),
  chapter("paxos", 292710, { terms: 2 }),
  chapter("zab", 197155, { entries: 1 }),
  // More at once, in one order.
  chapter("raft", 220408, { terms: 2, entries: 2, crashes: 1, delays: 0 }),
  chapter("raft", 90547, { entries: 2, crashes: 1, drops: 1, installs: 1, delays: 0 }),
  chapter("raft", 7156, { terms: 2, memberships: 1, delays: 0 }),
  chapter("raft", 128191, { terms: 2, beats: 1, leases: 1, delays: 1 }),
  chapter("paxos", 207958, { terms: 2, entries: 2, crashes: 1, delays: 0 }),
  chapter("paxos", 65085, { entries: 2, crashes: 1, drops: 1, installs: 1, delays: 0 }),
  chapter("paxos", 14815, { terms: 2, memberships: 1, delays: 0 }),
  chapter("zab", 249631, { terms: 2, entries: 1, crashes: 1, delays: 0 }),
  chapter("zab", 178504, { entries: 1, crashes: 1, drops: 1, installs: 1, delays: 0 }),
  chapter("zab", 24372, { terms: 2, memberships: 1, delays: 0 }),
];

const large: readonly Chapter[] = [
  chapter("raft", 1428987, { terms: 2, entries: 2, crashes: 1, drops: 1, delays: 0 }),
  chapter("raft", 619615, { terms: 2, entries: 1, drops: 1, delays: 1 }),
  chapter("raft", 2987661, {
    entries: 2,
    crashes: 1,
    drops: 1,
    installs: 1,
    memberships: 1,
    delays: 0,
  }),
  chapter("raft", 1330589, {
    terms: 2,
    entries: 1,
    drops: 1,
    installs: 1,
    memberships: 1,
    delays: 0,
  }),
  chapter("paxos", 1484777, { terms: 2, entries: 2, crashes: 1, drops: 1, delays: 0 }),
  chapter("paxos", 515355, { terms: 2, entries: 1, drops: 1, delays: 1 }),
  chapter("zab", 1280420, { terms: 2, entries: 2, crashes: 1, delays: 0 }),
  chapter("zab", 214187, { entries: 1, drops: 1, installs: 1, memberships: 1, delays: 0 }),
];

export const suites: Readonly<Record<SuiteName, readonly Chapter[]>> = { small, large };
