// Crash states and damage, enumerated rather than sampled: every bit flipped, every byte cut, every
// sector lost, every subset of the unsynced sectors kept. What is recovered has everything that was
// acknowledged, or the log is refused; and it is refused only when something acknowledged is damaged.

import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type LogEntry, LogError, MemoryDisk, type Unsynced } from "./index.ts";
import {
  appendNow,
  baseAt,
  type Contents,
  closeNow,
  contentsOf,
  entryAt,
  recover,
  tryRecover,
} from "./testing/log-harness.ts";

/** Three segments and a half: entries, states, a truncation, a compaction. */
function smallLog(isClosed: boolean): { disk: MemoryDisk; contents: Contents; before: Contents } {
  const disk = new MemoryDisk();
  const log = recover(disk, { segmentBytes: 1024 });
  for (let index = 1; index <= 12; index += 1) {
    appendNow(disk, log, { state: Uint8Array.of(1, index), entries: [entryAt(index, 1, 70)] });
  }
  appendNow(disk, log, { truncateFrom: 11, entries: [entryAt(11, 2, 150)] });
  log.compact(baseAt(4), (error) => equal(error, undefined));
  disk.run();
  const before = contentsOf(recover(disk.clone(), { segmentBytes: 1024 }).recovered);
  appendNow(disk, log, { entries: [entryAt(12, 2, 600)] });
  if (isClosed) closeNow(disk, log);
  const contents = contentsOf(recover(disk.clone(), { segmentBytes: 1024 }).recovered);
  equal(contents.entries.length, 8);
  ok(disk.list().length >= 3, `segments: ${disk.list()}`);
  return { disk, contents, before };
}

test("a flip of any bit is refused, or changes nothing that was acknowledged", () => {
  const { disk, contents } = smallLog(false);
  let refused = 0;
  let written = 0;
  for (const name of disk.list()) {
    const bytes = disk.readAll(name);
    for (const byte of bytes) if (byte !== 0) written += 8;
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const isFree = bytes
        .subarray((bit >>> 3) & ~511, ((bit >>> 3) | 511) + 1)
        .every((b) => b === 0);
      // In free space one bit of each byte is enough: they are all alike.
      if (isFree && bit % 8 !== (bit >>> 3) % 8) continue;
      disk.flipBit(name, bit);
      const outcome = tryRecover(disk.clone(), { segmentBytes: 1024 });
      disk.flipBit(name, bit);
      if (outcome instanceof LogError) {
        ok(!isFree, `${name} bit ${bit}: refused, though nothing was ever written there`);
        ok(outcome.code === "damaged" || outcome.code === "formatUnknown");
        refused += 1;
      } else deepEqual(outcome, contents, `${name} bit ${bit}`);
    }
  }
  ok(refused >= written, `${refused} refusals of ${written} written bits`);
});

test("a flip in the last record of all is refused too, closed or not", () => {
  for (const isClosed of [true, false]) {
    const { disk } = smallLog(isClosed);
    const name = disk.list().findLast((it) => disk.readAll(it).some((byte) => byte !== 0))!;
    const bytes = disk.readAll(name);
    let last = bytes.length - 1;
    while (bytes[last] === 0) last -= 1;
    disk.flipBit(name, (last - 20) * 8);
    const outcome = tryRecover(disk, { segmentBytes: 1024 });
    ok(outcome instanceof LogError);
    equal(outcome.code, "damaged");
    equal(outcome.file, name);
    ok(/remove the member .* add it again/.test(outcome.message), outcome.message);
  }
});

test("a log that lost some of its free space is written on, and starts again after every write", () => {
  const disk = new MemoryDisk();
  closeNow(disk, recover(disk, { segmentBytes: 4096 }));
  const name = disk.list()[0]!;
  const file = disk.open(name);
  file.truncateNow(1024);
  file.syncNow();
  for (let index = 1; index <= 25; index += 1) {
    const log = recover(disk, { segmentBytes: 4096 });
    equal(log.recovered.entries.length, index - 1);
    appendNow(disk, log, { entries: [entryAt(index)] });
  }
});

test("a file cut at any byte is refused, or lacks nothing that was acknowledged", () => {
  const { disk, contents } = smallLog(false);
  for (const name of disk.list()) {
    const bytes = disk.readAll(name);
    for (let size = 0; size < bytes.length; size += 1) {
      disk.overwrite(name, bytes.subarray(0, size));
      const outcome = tryRecover(disk.clone(), { segmentBytes: 1024 });
      if (!(outcome instanceof LogError)) deepEqual(outcome, contents, `${name} cut to ${size}`);
    }
    disk.overwrite(name, bytes);
  }
});

test("a lost sector is refused, unless it holds the last proof of what it loses", () => {
  for (const isClosed of [false, true]) {
    const { disk, contents, before } = smallLog(isClosed);
    const newest = disk.list().findLast((it) => disk.readAll(it).some((byte) => byte !== 0))!;
    for (const name of disk.list()) {
      const bytes = disk.readAll(name);
      for (let at = 0; at < bytes.length; at += 512) {
        disk.overwrite(name, bytes.slice().fill(0, at, at + 512));
        const outcome = tryRecover(disk.clone(), { segmentBytes: 1024 });
        if (outcome instanceof LogError) equal(outcome.code, "damaged");
        else if (name !== newest) deepEqual(outcome, contents, `${name} without sector ${at}`);
        else
          ok(
            [contents, before].some((one) => isSame(one, outcome)),
            `${name} at ${at}`,
          );
      }
      disk.overwrite(name, bytes);
    }
  }
});

test("far into a segment too, the one record that follows proves the one that is gone", () => {
  const options = { segmentBytes: 64 * 1024 };
  const disk = new MemoryDisk();
  const log = recover(disk, options);
  for (const [at, bytes] of [20_000, 40, 40].entries()) {
    appendNow(disk, log, { entries: [entryAt(at + 1, 1, bytes)] });
  }
  const [name] = disk.list() as [string];
  const bytes = disk.readAll(name);
  const starts: number[] = [];
  for (let at = bytes.indexOf(0x41); at >= 0; at = bytes.indexOf(0x41, at + 1)) {
    if (bytes[at + 1] === 0x54 && bytes[at + 2] === 0x4c && bytes[at + 3] === 0x52) starts.push(at);
  }
  const [gone, last] = starts.slice(-2) as [number, number];
  ok(gone > 20_000);
  disk.overwrite(name, bytes.slice().fill(0, gone, last));
  const outcome = tryRecover(disk, options);
  ok(outcome instanceof LogError);
  deepEqual([outcome.code, outcome.file, outcome.offset], ["damaged", name, gone]);
  ok(outcome.message.includes(`a later one stands at ${last}`), outcome.message);
});

test("a segment of another log is refused, though its number and its records are the next", () => {
  const [disk, other] = [1, 2].map((epoch) => {
    const one = new MemoryDisk();
    const log = recover(one, { segmentBytes: 1024 });
    for (let index = 1; index <= 12; index += 1) {
      appendNow(one, log, { entries: [entryAt(index, epoch)] });
    }
    return one;
  }) as [MemoryDisk, MemoryDisk];
  const [first, second] = disk.list() as [string, string];
  deepEqual(other.list().slice(0, 2), [first, second]);
  for (const name of disk.list().slice(1)) disk.overwrite(name, other.readAll(name));
  const outcome = tryRecover(disk, { segmentBytes: 1024 });
  ok(outcome instanceof LogError);
  deepEqual([outcome.code, outcome.file], ["damaged", first]);
  ok(outcome.message.includes(second), outcome.message);
});

test("a missing segment is refused by name", () => {
  const { disk } = smallLog(false);
  for (const name of disk.list().slice(0, -1)) {
    const twin = disk.clone();
    twin.remove(name);
    const outcome = tryRecover(twin, { segmentBytes: 1024 });
    ok(outcome instanceof LogError, name);
    deepEqual([outcome.code, outcome.file], ["damaged", name]);
  }
});

for (const where of ["withinSegment", "firstOfSegment", "growing"] as const) {
  test(`any subset of the unsynced sectors is the log before or after the write (${where})`, () => {
    const segmentBytes = where === "growing" ? 512 : 8192;
    const disk = new MemoryDisk();
    const log = recover(disk, { segmentBytes });
    appendNow(disk, log, { state: Uint8Array.of(1), entries: [entryAt(1, 1, 300)] });
    if (where === "firstOfSegment") {
      for (let index = 2; index <= 5; index += 1) {
        appendNow(disk, log, { entries: [entryAt(index, 1, 1800)] });
      }
    }
    const before = contentsOf(recover(disk.clone(), { segmentBytes }).recovered);
    // The payload has a sector of zeros of its own: blank by right, not torn.
    const payload = new Uint8Array(2600).fill(5);
    payload.fill(0, 700, 1900);
    const entry: LogEntry = { ...entryAt(9), payload };
    let isAcknowledged = false;
    log.append({ state: Uint8Array.of(2), entries: [entry] }, () => {
      isAcknowledged = true;
    });
    // Run until the write is in the cache and its sync has not come back.
    while (!disk.unsynced().some(({ kind }) => kind === "sector") || disk.unsynced().length < 5) {
      equal(disk.run(1), 1);
    }
    equal(isAcknowledged, false);
    const units = disk.unsynced();
    ok(units.length <= 10, `${units.length} units`);
    const seen = new Set<string>();
    for (let subset = 0; subset < 2 ** units.length; subset += 1) {
      const twin = disk.clone();
      crashKeeping(twin, subset);
      const reopened = recover(twin, { segmentBytes });
      const outcome = contentsOf(reopened.recovered);
      if (subset === 2 ** units.length - 1) equal(outcome.entries.at(-1)?.slice(0, 2), "9/");
      else if (!isSame(outcome, before)) equal(outcome.entries.at(-1)?.slice(0, 2), "9/");
      if (subset === 0) deepEqual([outcome, reopened.recovered.tornBytes], [before, 0]);
      seen.add(isSame(outcome, before) ? "before" : "after");
      // What was cut stays cut, and the log goes on from there.
      appendNow(twin, reopened, { entries: [entryAt(10)] });
      twin.crash();
      const again = tryRecover(twin, { segmentBytes });
      ok(!(again instanceof LogError), String(again));
      equal(again.entries.length, outcome.entries.length + 1);
    }
    deepEqual([...seen].sort(), ["after", "before"]);
  });
}

test("a crash in the middle of any recovery loses nothing: recovering is repeatable", () => {
  const disk = new MemoryDisk();
  const log = recover(disk, { segmentBytes: 4096 });
  appendNow(disk, log, { state: Uint8Array.of(1), entries: [entryAt(1)] });
  log.append({ entries: [entryAt(2, 1, 1500)] }, () => {});
  const units = disk.unsynced();
  disk.crash({ keep: (unit) => unit.kind === "sector" && unit.offset !== sectorOf(units, 1) });
  const before = tryRecover(disk.clone(), { segmentBytes: 4096 });
  // The first recovery writes, and dies before each of its syncs in turn.
  for (let after = 0; after < 3; after += 1) {
    const broken = disk.clone();
    broken.inject({ operation: "sync", code: "io", after, times: 9 });
    broken.inject({ operation: "syncDirectory", code: "io", after, times: 9 });
    tryRecover(broken, { segmentBytes: 4096 });
    const pending = broken.unsynced().length;
    for (let subset = 0; subset < 2 ** Math.min(pending, 8); subset += 1) {
      const twin = broken.clone();
      crashKeeping(twin, subset);
      deepEqual(tryRecover(twin, { segmentBytes: 4096 }), before);
    }
  }
});

test("the first start may die anywhere: the next one begins or finds the same log", () => {
  for (let after = 0; after < 6; after += 1) {
    for (const operation of ["write", "sync", "syncDirectory"] as const) {
      const disk = new MemoryDisk();
      disk.inject({ operation, code: "io", after, times: 99 });
      tryRecover(disk, { segmentBytes: 1024 });
      const pending = Math.min(disk.unsynced().length, 8);
      for (let subset = 0; subset < 2 ** pending; subset += 1) {
        const twin = disk.clone();
        crashKeeping(twin, subset);
        deepEqual(tryRecover(twin, { segmentBytes: 1024 }), {
          state: undefined,
          base: 0,
          entries: [],
        });
      }
    }
  }
});

function crashKeeping(disk: MemoryDisk, subset: number): void {
  let position = 0;
  disk.crash({
    keep: () => {
      const isKept = ((subset >>> position) & 1) === 1;
      position += 1;
      return isKept;
    },
  });
}

function sectorOf(units: readonly Unsynced[], position: number): number {
  const unit = units[position];
  return unit?.kind === "sector" ? unit.offset : -1;
}

function isSame(left: Contents, right: Contents): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

test("within one segment, a later record proves the earlier one, whatever of it is lost", () => {
  const disk = new MemoryDisk();
  const log = recover(disk, { segmentBytes: 8192 });
  for (const [index, bytes] of [300, 1500, 300, 40].entries()) {
    appendNow(disk, log, { entries: [entryAt(index + 1, 1, bytes)] });
  }
  const contents = contentsOf(recover(disk.clone(), { segmentBytes: 8192 }).recovered);
  const [name] = disk.list();
  const bytes = disk.readAll(name!);
  let end = bytes.length;
  while (bytes[end - 1] === 0) end -= 1;
  const lastSector = (end - 1) & ~511;
  for (let at = 0; at < lastSector; at += 512) {
    disk.overwrite(name!, bytes.slice().fill(0, at, at + 512));
    const outcome = tryRecover(disk.clone(), { segmentBytes: 8192 });
    ok(outcome instanceof LogError, `sector at ${at} lost`);
    equal(outcome.code, "damaged");
  }
  for (let size = 0; size < bytes.length; size += 1) {
    disk.overwrite(name!, bytes.subarray(0, size));
    const outcome = tryRecover(disk.clone(), { segmentBytes: 8192 });
    if (outcome instanceof LogError) ok(size < end + 1024, `cut to ${size}: refused in free space`);
    else deepEqual(outcome, contents, `cut to ${size}`);
  }
});
