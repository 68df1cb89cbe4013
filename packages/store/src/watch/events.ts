// What happened to a range of keys, read from the history itself, so that watching costs the apply
// path nothing and a watcher that fell behind reads the same as one that follows. A piece is bounded
// in events and in records looked at, and divides no revision but for who can put it together.

import { byteStringOf } from "@althing/bytes";
import type {
  EventsRequest,
  EventsResult,
  Key,
  KeyValue,
  Revision,
  StoreErrorCode,
  StoreEvent,
} from "../contract.ts";
import { keyRange } from "../mvcc/key-range.ts";
import type { Keyspace } from "../mvcc/keyspace.ts";
import { keepsRecord } from "../mvcc/obsolete.ts";
import { decodeRecord, noBytes, outlineOf } from "../mvcc/record.ts";

/** A piece takes some milliseconds, even when nothing in it matches. */
const recordsPerPieceMax = 4000;
/** And it is held until it has been handed out, which one revision by itself may exceed. */
const bytesPerPieceMax = 4 * 1024 * 1024;

export function readEvents(
  keyspace: Keyspace,
  request: EventsRequest,
): EventsResult | StoreErrorCode {
  const floor = request.isHeld ? keyspace.historyFloor : keyspace.compactRevision;
  if (request.key === "") return "keyEmpty";
  if (request.fromRevision < floor) return "compacted";
  const events: StoreEvent[] = [];
  let nextRevision = Math.max(request.fromRevision, keyspace.revision + 1);
  let nextPart = 0;
  if (request.fromRevision > keyspace.revision) {
    return { kind: "events", events, nextRevision: request.fromRevision, nextPart };
  }
  const covers = coverOf(request);
  const keeps = keepsRecord(keyspace, floor);
  // No version before that is to be had; Infinity: none is asked for.
  const previousFrom = request.prevKv ? floor : Number.POSITIVE_INFINITY;
  let records = 0;
  let bytes = 0;
  let revision: Revision = 0;
  const divides = request.fromPart !== undefined;
  keyspace.engine.scan(
    request.fromRevision,
    request.fromPart ?? 0,
    (main, sub, _handle, record) => {
      const isNew = main !== revision;
      if (isNew || divides) {
        const isFull = records >= recordsPerPieceMax || bytes >= bytesPerPieceMax;
        if (events.length >= request.eventsMax || isFull) {
          nextRevision = main;
          nextPart = isNew ? 0 : sub;
          return false;
        }
        revision = main;
      }
      records++;
      const { keyStart, keyEnd } = outlineOf(record);
      const key = byteStringOf(record, keyStart, keyEnd);
      if (covers(key) && keeps(main, sub, record)) {
        const event = eventOf(keyspace, key, main, record, previousFrom);
        events.push(event);
        bytes += record.length + (event.prevKv?.value.length ?? 0);
      }
      return true;
    },
  );
  return { kind: "events", events, nextRevision, nextPart };
}

/** Whether a key is in the range. */
export function coverOf(request: Pick<EventsRequest, "key" | "rangeEnd">): (key: Key) => boolean {
  if (request.rangeEnd === "") return (key) => key === request.key;
  const { start, end } = keyRange(request.key, request.rangeEnd);
  return (key) => key >= start && (end === undefined || key < end);
}

function eventOf(
  keyspace: Keyspace,
  key: Key,
  main: Revision,
  record: Uint8Array,
  previousFrom: Revision,
): StoreEvent {
  const { createRevision, modRevision, version, lease, value, tombstone } = decodeRecord(
    record,
    key,
  );
  const kv: KeyValue = tombstone
    ? { key, createRevision: 0, modRevision: main, version: 0, lease: 0n, value: noBytes }
    : { key, createRevision, modRevision, version, lease, value };
  const isCreation = !tombstone && createRevision === main;
  // Silently absent when it was compacted, as in etcd.
  const hasPrevious = !isCreation && main - 1 >= previousFrom;
  const prevKv = hasPrevious ? before(keyspace, key, main) : undefined;
  return { type: tombstone ? "delete" : "put", kv, prevKv };
}

function before(keyspace: Keyspace, key: Key, main: Revision): KeyValue | undefined {
  const id = keyspace.index.at(key, main - 1);
  return id === 0 ? undefined : keyspace.load(key, id);
}
