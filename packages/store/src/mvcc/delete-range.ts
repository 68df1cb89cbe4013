// DeleteRange: a tombstone for every live key of the range, in key order, all in one revision.

import type { DeleteRangeCommand, DeleteRangeResult, KeyValue } from "../contract.ts";
import type { Keyspace } from "./keyspace.ts";

export function deleteRange(keyspace: Keyspace, command: DeleteRangeCommand): DeleteRangeResult {
  const keys = keyspace.liveKeys(command.key, command.rangeEnd);
  const prevKvs: KeyValue[] = [];
  for (const key of keys) {
    if (command.prevKv) prevKvs.push(keyspace.newest(key)!);
    keyspace.deleteKey(key);
  }
  return {
    kind: "deleteRange",
    revision: keyspace.visibleRevision,
    deleted: keys.length,
    prevKvs,
  };
}
