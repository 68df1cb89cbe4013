// The bytes of a log, as they are on the disks of members that run: whoever is upgraded finds its log again. To change them takes
// a new version of the format, and a reader of this one.

import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { type LogEntry, MemoryDisk } from "./index.ts";
import {
  appendNow,
  baseAt,
  contentsOf,
  describeEntry,
  entryAt,
  recover,
} from "./testing/log-harness.ts";

const segment =
  "414c54484c4f470a010000000100000001000000000000000000000000040000000000000000000000000000" +
  "0000000000000000000000000000000056069bbe41544c522100000001000000000000000100000040000000" +
  "00000000902c6b7300000000cb04930b04020000010000000000000000000000000000000000000001000000" +
  "00000000070000000000000041544c526100000002000000000000000100000090000000cb04930b10af4b18" +
  "00000000ac0921d20301000005000000010000000000000003000000000000000b0b0b0b0b03028200030000" +
  "00020000000000000003000000000000006d0011010908070300020000000000030000000000000003000000" +
  "00000000616201000000030000000102030000000000000041544c522c000000030000000000000001000000" +
  "20010000ac0921d2a86d5c9800000000d9b2f685020000000000000003000000000000000301000004000000" +
  "03000000000000000000000000010000151515150000000041544c5222000000040000000000000001000000" +
  "78010000d9b2f6854f1cf32c000000006e785435040000000200000001000000000000000100000000000000" +
  "01000000000000000109";

const member: LogEntry = {
  index: 2,
  epoch: 3,
  proposer: "m\u0111",
  kind: "membership",
  payload: Uint8Array.of(9, 8, 7),
};
const noop: LogEntry = { ...entryAt(3, 3, 0), proposer: "ab", kind: "noop" };
const written = { segmentBytes: 1024 };

test("every kind of item is written as it always was", () => {
  const disk = new MemoryDisk();
  const log = recover(disk, written);
  appendNow(disk, log, {
    state: Uint8Array.of(1, 2, 3),
    entries: [entryAt(1, 3, 5), member, noop],
  });
  appendNow(disk, log, { truncateFrom: 3, entries: [entryAt(3, 2 ** 40, 4)] });
  log.compact(baseAt(1), (error) => equal(error, undefined));
  disk.run();
  deepEqual(disk.list(), ["log-0000000000000001"]);
  const bytes = disk.readAll("log-0000000000000001");
  equal(bytes.length, 1024);
  equal(Buffer.from(bytes).toString("hex"), segment.padEnd(2048, "0"));
});

test("and is read again", () => {
  const disk = new MemoryDisk();
  const bytes = new Uint8Array(1024);
  bytes.set(Buffer.from(segment, "hex"));
  disk.open("log-0000000000000001", { create: true }).writeNow(0, bytes);
  const { recovered } = recover(disk, written);
  deepEqual(contentsOf(recovered), {
    state: [1, 2, 3],
    base: 1,
    entries: [member, entryAt(3, 2 ** 40, 4)].map(describeEntry),
  });
  deepEqual(recovered.base, baseAt(1));
});
