// The log's files after anything at all has happened to them: a log is recovered, or refused with its own error. Input is
// how some segments of a real log are changed; where the change leaves whole records behind, their checksums are made
// right, so that recovery sees bodies that nobody ever wrote. What was recovered is recovered again, and can be written on.

import { deepStrictEqual } from "node:assert/strict";
import { crc32 } from "node:zlib";
import { LogError, MemoryDisk, openLog } from "@althing/log";
import { decodeRecordHeader, recordMagic } from "../../../packages/log/src/record-format.ts";
import { recordHeaderBytes, segmentHeaderBytes } from "../../../packages/log/src/segment-format.ts";
import {
  appendNow,
  baseAt,
  closeNow,
  contentsOf,
  emptyBase,
  entryAt,
  recover,
} from "../../../packages/log/src/testing/log-harness.ts";
import { accepted, PropertyBroken, type Target } from "../target.ts";

const segmentBytes = 1024;
const isRefusal = (error: unknown) => error instanceof LogError;

export const target: Target = {
  name: "log-segments",
  seeds: () => [
    Buffer.alloc(0),
    change(0, 0, 64, Buffer.alloc(4)),
    change(1, 1, 0, Buffer.from([1])),
    change(0, 2, 100, Buffer.alloc(0)),
    change(2, 3, 0, Buffer.alloc(0)),
    Buffer.concat([
      change(0, 0, 112, Buffer.from([3, 1, 0])),
      change(1, 1, 130, Buffer.from([4, 0, 0, 0, 9])),
    ]),
    change(0, 1, 104, entryItem(1)),
    change(0, 1, 104, baseItem(1)),
  ],
  run(input) {
    const disk = changedDisk(input);
    const log = accepted(() => recover(disk, { segmentBytes }), isRefusal);
    if (log === undefined) return;
    const found = contentsOf(log.recovered);
    const last = log.recovered.entries.at(-1)?.index ?? log.recovered.base.index;
    if (log.recovered.entries.some(({ index }) => index <= log.recovered.base.index)) {
      throw new PropertyBroken("an entry below the base");
    }
    closeNow(disk, log);
    const again = recover(disk, { segmentBytes });
    deepStrictEqual(contentsOf(again.recovered), found);
    if (last < Number.MAX_SAFE_INTEGER - 1) {
      appendNow(disk, again, { entries: [entryAt(last + 1)] });
      closeNow(disk, again);
      deepStrictEqual(
        contentsOf(recover(disk, { segmentBytes }).recovered).entries.length,
        found.entries.length + 1,
      );
    }
  },
};

/** The same log every time: entries, a truncation, states, a base, over several segments. */
function writtenDisk(): MemoryDisk {
  const disk = new MemoryDisk();
  const log = openLog(disk, { base: emptyBase, segmentBytes, crc32 });
  for (let index = 1; index <= 12; index++) {
    const state = Uint8Array.of(index, 1);
    appendNow(
      disk,
      log,
      index % 5 === 0
        ? { state, truncateFrom: index - 1, entries: [entryAt(index - 1, 2), entryAt(index, 2)] }
        : { entries: [entryAt(index)] },
    );
    if (index === 6) log.compact(baseAt(3), () => {});
  }
  disk.run();
  closeNow(disk, log);
  return disk;
}

const written = writtenDisk();
const files = written.list().map((name) => ({ name, bytes: written.readAll(name).slice() }));

/** Which file, what to do, where, with what. */
function change(file: number, kind: number, at: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([file, kind, at & 255, at >>> 8, bytes.length]), bytes]);
}

function changedDisk(input: Buffer): MemoryDisk {
  const contents = new Map(files.map(({ name, bytes }) => [name, Buffer.from(bytes)]));
  for (let at = 0; at + 5 <= input.length; ) {
    const { name } = files[input[at]! % files.length]!;
    const kind = input[at + 1]! % 4;
    const place = input.readUInt16LE(at + 2);
    const bytes = input.subarray(at + 5, at + 5 + input[at + 4]!);
    at += 5 + bytes.length;
    const file = contents.get(name);
    if (file === undefined) continue;
    // Overwritten, overwritten with the checksums made right, cut, gone.
    if (kind === 3) contents.delete(name);
    else if (kind === 2) contents.set(name, file.subarray(0, Math.min(place, file.length)));
    else if (place < file.length) {
      file.set(bytes.subarray(0, file.length - place), place);
      if (kind === 1) makeRight(file);
    }
  }
  const disk = new MemoryDisk();
  for (const [name, bytes] of contents) {
    const file = disk.open(name, { create: true });
    file.writeNow(0, bytes);
    file.syncNow();
    file.close();
  }
  disk.syncDirectoryNow();
  return disk;
}

/** The checksums of the segment's header and of its first record, whose place is known. */
function makeRight(file: Buffer): void {
  if (file.length < segmentHeaderBytes + recordHeaderBytes) return;
  // Not more than a few sectors are said to be allocated: a disk in memory would really take them.
  file.writeUInt16LE(0, 30);
  file.writeUInt32LE(crc32(file.subarray(0, 60)), 60);
  const at = segmentHeaderBytes;
  if (file.readUInt32LE(at) !== recordMagic) return;
  const start = at + recordHeaderBytes;
  const end = start + file.readUInt32LE(at + 4);
  if (end > file.length) return;
  file.writeUInt32LE(crc32(file.subarray(start, end)), at + 28);
  file.writeUInt32LE(crc32(file.subarray(at, at + 36)), at + 36);
  if (decodeRecordHeader(file, at, crc32) === undefined)
    throw new PropertyBroken("the target makes nothing right");
}

function entryItem(index: number): Uint8Array {
  const item = Buffer.alloc(24 + 4);
  item[0] = 3;
  item[1] = 1;
  item.writeUInt32LE(4, 4);
  item.writeUInt32LE(index, 8);
  item.writeUInt32LE(1, 16);
  return item;
}

function baseItem(index: number): Uint8Array {
  const item = Buffer.alloc(32 + 2);
  item[0] = 4;
  item[1] = 1;
  item.writeUInt32LE(2, 4);
  item.writeUInt32LE(index, 8);
  item.writeUInt32LE(1, 16);
  item.writeUInt32LE(1, 24);
  return item;
}
