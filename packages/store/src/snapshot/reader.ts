// Streams a consistent view of an engine without copying it first. The view is "every record up to
// the head's revision"; it stays whole because later records have later revisions, and nothing is removed
// meanwhile but what the filter leaves out; and when another state takes its place, the pin fails the stream.
// Only the tables, which change in place, are taken at once.

import type { Crc32 } from "@althing/bytes";
import type { Revision, SnapshotReader } from "../contract.ts";
import type { Engine, Head, StatePin } from "../engine/port.ts";
import { ChunkEncoder, chunkBytesAim } from "./format.ts";
import { sortedEntries } from "./sorted-entries.ts";

/** Whether a record belongs to the state: one that compaction has yet to remove does not. */
export type RecordFilter = (main: Revision, sub: number, record: Uint8Array) => boolean;

/** A bound on one step besides its bytes: a million tiny or filtered records take time as well. */
const recordsPerStepMax = 2000;

export interface SnapshotReaderOptions {
  readonly pin: StatePin;
  readonly crc32?: Crc32;
  readonly keep?: RecordFilter;
  /** It is read to its end, or nobody wants more of it. May be called twice. */
  readonly closed?: () => void;
}

export function createSnapshotReader(
  engine: Pick<Engine, "tableNames" | "entries">,
  head: Head,
  options: SnapshotReaderOptions,
): SnapshotReader {
  const encoder = new ChunkEncoder(options.crc32);
  const keep = options.keep ?? (() => true);
  const tables = engine.tableNames().map((table) => [table, engine.entries(table)] as const);
  const entryCount = tables.reduce((sum, [, entries]) => sum + entries.length, 0);
  const entries = sortedEntries(tables);
  let stage: "head" | "entries" | "records" | "end" | "done" = "head";
  let records = 0;
  let nextMain = 0;
  let nextSub = 0;

  const addEntries = (): void => {
    for (let steps = 0; steps < recordsPerStepMax; steps++) {
      if (encoder.bodyBytes >= chunkBytesAim) return;
      const { done, value: entry } = entries.next();
      if (done) stage = "records";
      if (entry === undefined) return;
      encoder.entry(...entry);
    }
  };

  /** Whether the records are exhausted. */
  const addRecords = (): boolean => {
    let steps = 0;
    let exhausted = true;
    options.pin.scan(nextMain, nextSub, (main, sub, _handle, record) => {
      if (main > head.revision) return false;
      if (steps++ === recordsPerStepMax || encoder.bodyBytes >= chunkBytesAim) {
        nextMain = main;
        nextSub = sub;
        exhausted = false;
        return false;
      }
      if (keep(main, sub, record)) {
        encoder.record(main, sub, record);
        records++;
      }
      return true;
    });
    return exhausted;
  };

  const close = (): void => {
    options.closed?.();
    stage = "done";
  };

  return {
    point: head.point,
    next() {
      switch (stage) {
        case "head":
          stage = "entries";
          return encoder.head(head);
        case "entries":
          addEntries();
          return encoder.body();
        case "records":
          if (addRecords()) stage = "end";
          return encoder.body();
        case "end": {
          const end = encoder.end(entryCount, records);
          close();
          return end;
        }
        case "done":
          return undefined;
      }
    },
    close,
  };
}
