// How much may happen in one exploration. All of it may happen at any moment that allows it, in any order.

export interface Bounds {
  readonly members: number;
  /** How often a member stands for election. */
  readonly terms: number;
  readonly entries: number;
  readonly crashes: number;
  /** Messages that are lost, and streams of snapshots that break. */
  readonly drops: number;
  /** How often a leader compacts its log, so that others may need its snapshot. */
  readonly installs: number;
  readonly memberships: number;
  readonly transfers: number;
  /** How often a member lets the time of a heartbeat pass. */
  readonly beats: number;
}

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
] as const;
export type Spendable = (typeof spendable)[number];

const bits = 3;
export const spendableMax = (1 << bits) - 1;

export function packBudget(bounds: Bounds): number {
  return spendable.reduce((packed, kind, place) => packed | (bounds[kind] << (place * bits)), 0);
}

export function left(packed: number, kind: Spendable): number {
  return (packed >>> (spendable.indexOf(kind) * bits)) & spendableMax;
}

export function spend(packed: number, kind: Spendable): number {
  return packed - (1 << (spendable.indexOf(kind) * bits));
}
