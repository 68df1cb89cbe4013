// A large range in short steps: which versions it consists of is decided at once, their values are read
// piece by piece, and nothing is removed meanwhile, so that one answer of many megabytes does not hold
// the loop (and with it the heartbeats) while it is read.

import type { KeyValue, RangeRequest, RangeRun, StoreErrorCode } from "../contract.ts";
import type { Keyspace } from "./keyspace.ts";
import { load, select } from "./range.ts";

/** What a pair costs beside its key and value. */
const pairBytes = 64;

export function openRange(keyspace: Keyspace, request: RangeRequest): RangeRun | StoreErrorCode {
  const selected = select(keyspace, request);
  if (typeof selected === "string") return selected;
  const { revision, count, more, found } = selected;
  const pin = keyspace.engine.pin();
  let at = 0;
  return {
    revision,
    count,
    more,
    get remaining() {
      return found.length - at;
    },
    next(bytesMax) {
      pin.check();
      const kvs: KeyValue[] = [];
      let bytes = 0;
      while (at < found.length && bytes < bytesMax) {
        const kv = load(keyspace, request, found[at++]!);
        kvs.push(kv);
        bytes += kv.key.length + kv.value.length + pairBytes;
      }
      return kvs;
    },
    close: pin.release,
  };
}
