// HashKV as etcd defines it: CRC-32C over "key", then over each stored revision and its record. Long
// on a large store, so it runs in steps over a view that is kept from changing.

import { crc32c } from "@althing/bytes";
import type { Revision, StoreErrorCode } from "../contract.ts";
import type { Keyspace } from "./keyspace.ts";
import { decodeRecord } from "./record.ts";

export interface HashKvResult {
  readonly hash: number;
  readonly hashRevision: Revision;
  readonly compactRevision: Revision;
}

export interface HashKvRun {
  /** One short step; the result once it is complete. Throws `StateReplaced`. */
  next(): HashKvResult | undefined;
  close(): void;
}

const recordsPerStep = 2000;
const underscore = 0x5f;
const tombstoneMark = 0x74;

/** `revision` 0 is the current one. */
export function openHashKv(keyspace: Keyspace, revision: Revision): HashKvRun | StoreErrorCode {
  if (revision > keyspace.revision) return "futureRevision";
  const hashRevision = revision === 0 ? keyspace.revision : revision;
  if (hashRevision < keyspace.compactRevision) return "compacted";
  const pin = keyspace.pin();
  const { floor } = pin;
  const place = new Uint8Array(18);
  const view = new DataView(place.buffer);
  place[8] = underscore;
  place[17] = tombstoneMark;
  let hash = crc32c(new Uint8Array([0x6b, 0x65, 0x79]));
  let nextMain = 0;
  let nextSub = 0;

  return {
    next() {
      let steps = 0;
      let complete = true;
      pin.scan(nextMain, nextSub, (main, sub, _handle, record) => {
        if (main > hashRevision) return false;
        if (steps++ === recordsPerStep) {
          nextMain = main;
          nextSub = sub;
          complete = false;
          return false;
        }
        const decoded = decodeRecord(record);
        if (main <= floor && !isVisible(keyspace, decoded.key, main, sub, hashRevision)) {
          return true;
        }
        view.setBigUint64(0, BigInt(main));
        view.setBigUint64(9, BigInt(sub));
        hash = crc32c(decoded.tombstone ? place : place.subarray(0, 17), hash);
        hash = crc32c(record, hash);
        return true;
      });
      if (!complete) return undefined;
      pin.release();
      return { hash, hashRevision, compactRevision: floor };
    },
    close: pin.release,
  };
}

function isVisible(
  keyspace: Keyspace,
  key: string,
  main: Revision,
  sub: number,
  revision: Revision,
): boolean {
  const { index } = keyspace;
  const id = index.at(key, revision);
  return id !== 0 && index.versions.main(id) === main && index.versions.sub(id) === sub;
}
