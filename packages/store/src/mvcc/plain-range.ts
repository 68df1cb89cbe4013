// A range with every option at rest: the newest revision of all keys from `key` up to `rangeEnd`, in
// order. Whoever wants more says what differs.

import type { RangeRequest } from "../contract.ts";

export function plainRange(key: string, rangeEnd = ""): RangeRequest {
  return {
    key,
    rangeEnd,
    limit: 0,
    revision: 0,
    sortOrder: "none",
    sortTarget: "key",
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
  };
}
