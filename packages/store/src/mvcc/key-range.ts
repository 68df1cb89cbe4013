// The protocols' (key, rangeEnd) pair as an interval.

import type { Key } from "../contract.ts";

export interface KeyRange {
  readonly start: Key;
  /** Undefined: open. */
  readonly end: Key | undefined;
}

export const openEnd: Key = "\0";

/** Of a range of more than one key; "" (the single key) is the caller's case. */
export function keyRange(key: Key, rangeEnd: Key): KeyRange {
  return { start: key, end: rangeEnd === openEnd ? undefined : rangeEnd };
}
