// DeleteRange: a tombstone for every live key of the range, in key order, all in one revision.

import type { DeleteRangeCommand, DeleteRangeResult, KeyValue } from "../contract.ts";
import type { Keyspace } from "./keyspace.ts";

export function deleteRange(keyspace: Keyspace, command: DeleteRangeCommand): DeleteRangeResult {
  const { key, rangeEnd } = command;
  const prevKvs: KeyValue[] = command.prevKv
    ? keyspace.liveKeys(key, rangeEnd).map((live) => keyspace.newest(live)!)
    : [];
  const deleted = keyspace.deleteLive(key, rangeEnd);
  return { kind: "deleteRange", revision: keyspace.visibleRevision, deleted, prevKvs };
}
