// How much may happen in one exploration, at most.

export interface Bounds {
  readonly members: number;
  /** So many of the members are not in the membership at first. */
  readonly joiners: number;
  /** How often a member stands for election. */
  readonly terms: number;
  readonly entries: number;
  readonly crashes: number;
  /** Messages that are lost, and streams of snapshots that break. */
  readonly drops: number;
  /** How often a leader compacts its log, so that others may need its snapshot. */
  readonly installs: number;
  /** Changes of the membership: one member leaves, or all that are not in it join. */
  readonly memberships: number;
  readonly transfers: number;
  /** How often a member lets the time of a heartbeat pass. */
  readonly beats: number;
  /** Leaders are asked for a read. */
  readonly reads: number;
  /** 1: leaders answer reads from leases. No time passes, so no lease ends but by what is done. */
  readonly leases: number;
  /** How often a connection or a disk falls behind; infinite for every order that there is (`order.ts`). */
  readonly delays: number;
}

/** Three members who do nothing. */
export const noBounds: Bounds = {
  members: 3,
  joiners: 0,
  terms: 0,
  entries: 0,
  crashes: 0,
  drops: 0,
  installs: 0,
  memberships: 0,
  transfers: 0,
  beats: 0,
  reads: 0,
  leases: 0,
  delays: Number.POSITIVE_INFINITY,
};

/** What is used up while exploring, in the order in which it is packed into one number. */
const spendable = [
  "terms",
  "entries",
  "crashes",
  "drops",
  "installs",
  "memberships",
  "transfers",
  "beats",
  "delays",
  "reads",
] as const;
export type Spendable = (typeof spendable)[number];

const bits = 3;
export const spendableMax = (1 << bits) - 1;

export function packBudget(bounds: Bounds): number {
  return spendable.reduce((packed, kind, place) => {
    const count = bounds[kind] === Number.POSITIVE_INFINITY ? 0 : bounds[kind];
    return packed | (count << (place * bits));
  }, 0);
}

export function left(packed: number, kind: Spendable): number {
  return (packed >>> (spendable.indexOf(kind) * bits)) & spendableMax;
}

export function spend(packed: number, kind: Spendable): number {
  return packed - (1 << (spendable.indexOf(kind) * bits));
}

/** What is not 0, for people. */
export function tellBounds({ delays, ...bounds }: Bounds): string {
  const told = Object.entries(bounds)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`);
  const order = delays === Number.POSITIVE_INFINITY ? "every order" : `delays ${delays}`;
  return [...told, order].join(", ");
}
