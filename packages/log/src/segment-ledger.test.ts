import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { MemoryDisk } from "./index.ts";
import { SegmentLedger } from "./segment-ledger.ts";
import { appendNow, baseAt, entryAt, recover } from "./testing/log-harness.ts";

test("a segment is needed for an entry after the base that still counts, and so are all after it", () => {
  const ledger = new SegmentLedger();
  for (const [number, last] of [
    [3, 10],
    [4, 20],
    [5, 30],
  ] as const) {
    ledger.add(number, 100);
    ledger.noteEntry(last - 1);
    ledger.noteEntry(last);
    ledger.noteEntry(last - 5);
  }
  const needed = (index: number) => ledger.firstNeeded(baseAt(index));
  deepEqual([9, 10, 19, 20, 30, 99].map(needed), [3, 4, 4, 5, 5, 5]);
  ledger.noteTruncate(20);
  deepEqual([9, 18, 19].map(needed), [3, 4, 5]);
  equal(ledger.bytes, 300);
  deepEqual(ledger.removeBelow(5), [3, 4]);
  deepEqual(ledger.removeBelow(9), [], "the newest stays");
  equal(ledger.bytes, 100);
});

test("what was dropped before a restart holds no segment after it", () => {
  const disk = new MemoryDisk();
  const log = recover(disk);
  for (let index = 1; index <= 60; index += 1) appendNow(disk, log, { entries: [entryAt(index)] });
  appendNow(disk, log, { truncateFrom: 2, entries: [entryAt(2, 2)] });
  const again = recover(disk);
  const before = disk.list().length;
  again.compact(baseAt(1), (error) => equal(error, undefined));
  disk.run();
  // Entry 2 stands in the newest one.
  equal(disk.list().length < before && disk.list().length <= 2, true, `${disk.list()}`);
});
