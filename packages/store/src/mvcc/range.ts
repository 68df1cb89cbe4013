// Range in one piece: what is refused, what is visible, and the values. Of a state in memory the index
// alone answers everything but values, so only what is returned is read from the engine.

import type { KeyValue, RangeRequest, RangeResult, Revision, StoreErrorCode } from "../contract.ts";
import { type Keyspace, readPoint } from "./keyspace.ts";
import { passes, Selection } from "./selection.ts";
import type { VersionId } from "./versions.ts";
import { Meter } from "./work.ts";

export function readRange(keyspace: Keyspace, request: RangeRequest): RangeResult | StoreErrorCode {
  const refused = rangeFault(keyspace, request);
  if (refused !== undefined) return refused;
  const revision = revisionOf(keyspace, request);
  if (request.rangeEnd === "") return readKey(keyspace, request, revision);
  const selection = new Selection(keyspace, request, readPoint(keyspace, revision), new Meter());
  selection.step();
  const { count, more, found } = selection;
  const kvs = found.map((id) => load(keyspace, request, id));
  return { kind: "range", revision: keyspace.visibleRevision, count, kvs, more };
}

export function rangeFault(keyspace: Keyspace, request: RangeRequest): StoreErrorCode | undefined {
  if (request.key === "") return "keyEmpty";
  if (request.revision > keyspace.visibleRevision) return "futureRevision";
  const revision = revisionOf(keyspace, request);
  return revision < keyspace.compactRevision ? "compacted" : undefined;
}

/** Which state a range reads. */
export function revisionOf(keyspace: Keyspace, request: RangeRequest): Revision {
  return request.revision <= 0 ? keyspace.visibleRevision : request.revision;
}

/** A range of a single key. */
function readKey(keyspace: Keyspace, request: RangeRequest, revision: Revision): RangeResult {
  const id = keyspace.index.at(request.key, revision);
  const isWanted = id !== 0 && !request.countOnly && passes(keyspace, request, id);
  return {
    kind: "range",
    revision: keyspace.visibleRevision,
    count: id === 0 ? 0 : 1,
    kvs: isWanted ? [load(keyspace, request, id)] : [],
    more: false,
  };
}

export function load(keyspace: Keyspace, request: RangeRequest, id: VersionId): KeyValue {
  return request.keysOnly ? keyspace.loadKeyOnly(id) : keyspace.load(undefined, id);
}
