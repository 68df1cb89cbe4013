// What a write is said to take is what it takes: a record that turned out larger than its room would be cut, one that turned out
// smaller would waste it.

import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { type LogBase, type LogEntry, type LogWrite, MemoryDisk } from "./index.ts";
import { RecordWriter, sizeOfBase, sizeOfState, sizeOfWrite } from "./record-writer.ts";
import { recordHeaderBytes } from "./segment-format.ts";
import { appendNow, describeEntry, entryAt, recover } from "./testing/log-harness.ts";

const place = { segment: 1, offset: 64, sequence: 1, previous: 0 };
const names = ["", "a", "n".repeat(127), "\u0111".repeat(127), "0123456789abcdef"];

function bodyOf(scratch: number, put: (writer: RecordWriter) => void): number {
  const writer = new RecordWriter(crc32);
  writer.begin(scratch, undefined);
  put(writer);
  return writer.finish(place).bytes - recordHeaderBytes;
}

test("the size of a write is the size of its record, whoever proposed and whatever is in it", () => {
  for (const proposer of names) {
    for (const payloadBytes of [0, 1, 500, 100_000]) {
      const entries = [1, 2, 3].map((index) => ({ ...entryAt(index, 1, payloadBytes), proposer }));
      const write: LogWrite = { truncateFrom: 1, entries, state: new Uint8Array(33) };
      const { body, scratch } = sizeOfWrite(write);
      const written = bodyOf(scratch, (writer) => {
        writer.putTruncate(1);
        for (const entry of entries) writer.putEntry(entry);
        writer.putState(write.state!);
      });
      equal(written, body, `${proposer} ${payloadBytes}`);
    }
  }
});

test("so are those of a base and of a state", () => {
  for (const proposer of names) {
    const base: LogBase = { index: 5, epoch: 1, proposer, meta: new Uint8Array(1000) };
    const { body, scratch } = sizeOfBase(base);
    const written = bodyOf(scratch, (writer) => writer.putBase("compact", base, 1));
    equal(written, body, proposer);
  }
  const state = new Uint8Array(77);
  const { body, scratch } = sizeOfState(state);
  const written = bodyOf(scratch, (writer) => writer.putState(state));
  equal(written, body);
  deepEqual(sizeOfState(undefined), { body: 0, scratch: 0 });
});

test("thousands of entries of long names, in one write, come back", () => {
  const disk = new MemoryDisk();
  const options = { segmentBytes: 1 << 21 };
  const entries: LogEntry[] = Array.from({ length: 4000 }, (_, at) => ({
    ...entryAt(at + 1),
    proposer: "n".repeat(120),
  }));
  appendNow(disk, recover(disk, options), { entries });
  disk.crash();
  deepEqual(
    recover(disk, options).recovered.entries.map(describeEntry),
    entries.map(describeEntry),
  );
});
