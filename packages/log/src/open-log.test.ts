// What the running log promises: group commit, order, durability before acknowledgement, a first
// failure that is the last. Scenarios of the bug corpus carry its names.

import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { type LogEntry, LogError, MemoryDisk, openLog } from "./index.ts";
import {
  appendNow,
  baseAt,
  closeNow,
  contentsOf,
  describeEntry,
  emptyBase,
  entryAt,
  recover,
} from "./testing/log-harness.ts";

test("what is handed over while a write is under way becomes one write and one sync", () => {
  const disk = new MemoryDisk();
  const log = recover(disk, { segmentBytes: 64 * 1024 });
  const order: number[] = [];
  const { write, sync } = { ...disk.counts };
  for (let index = 1; index <= 50; index += 1) {
    log.append({ entries: [entryAt(index)] }, () => order.push(index));
  }
  deepEqual([disk.counts.write - write, disk.counts.sync - sync], [1, 0], "starts at once");
  disk.run();
  deepEqual([disk.counts.write - write, disk.counts.sync - sync], [2, 2]);
  deepEqual(
    order,
    Array.from({ length: 50 }, (_, at) => at + 1),
  );
});

test("commit-before-durable: nothing is acknowledged before its sync came back", () => {
  const disk = new MemoryDisk();
  const log = recover(disk);
  const acknowledged: number[] = [];
  for (let index = 1; index <= 30; index += 1) {
    log.append({ entries: [entryAt(index)] }, () => acknowledged.push(index));
    disk.run(1);
    const twin = disk.clone();
    twin.crash({ keep: "none" });
    const { entries } = recover(twin).recovered;
    deepEqual(
      entries.slice(0, acknowledged.length).map((entry) => entry.index),
      acknowledged,
    );
  }
  ok(acknowledged.length > 5);
});

test("every field of an entry comes back, whatever its size, kind or proposer", () => {
  const disk = new MemoryDisk();
  const log = recover(disk, { segmentBytes: 1 << 20 });
  const big = new Uint8Array(5000).map((_, at) => at);
  const entries: LogEntry[] = [
    { index: 3, epoch: 2 ** 52 + 1, proposer: "", kind: "noop", payload: new Uint8Array(0) },
    { index: 2 ** 40, epoch: 0, proposer: "0123456789abcdef", kind: "command", payload: big },
    { index: 5, epoch: 7, proposer: "þing\ud800", kind: "membership", payload: big.subarray(0, 3) },
    { index: 2 ** 40 + 1, epoch: 1, proposer: "x", kind: "command", payload: big.subarray(7) },
    { index: 6, epoch: 7, proposer: "\u0111", kind: "command", payload: big.subarray(0, 3) },
  ];
  appendNow(disk, log, { state: big, entries });
  disk.crash();
  const { recovered } = recover(disk, { segmentBytes: 1 << 20 });
  const sorted = entries.toSorted((left, right) => left.index - right.index);
  deepEqual(recovered.entries.map(describeEntry), sorted.map(describeEntry));
  deepEqual(recovered.state, big);
});

test("one write may be larger than a segment, or than a record usually is", () => {
  const disk = new MemoryDisk();
  const log = recover(disk);
  const entries = Array.from({ length: 300 }, (_, at) => entryAt(at + 1, 1, 5000));
  appendNow(disk, log, { entries });
  appendNow(disk, log, { entries: [entryAt(301)] });
  disk.crash();
  const { recovered } = recover(disk);
  deepEqual(recovered.entries.map(describeEntry), [...entries, entryAt(301)].map(describeEntry));
});

test("compaction removes whole segments, keeps the state, and never an entry after the base", () => {
  const disk = new MemoryDisk();
  let log = recover(disk);
  appendNow(disk, log, { state: Uint8Array.of(42), entries: [] });
  for (let index = 1; index <= 100; index += 1) appendNow(disk, log, { entries: [entryAt(index)] });
  const { bytes } = log;
  log.compact(baseAt(95), (error) => equal(error, undefined));
  disk.run();
  ok(log.bytes < bytes / 2, `${log.bytes} of ${bytes}`);
  ok(disk.list().length <= 3, String(disk.list()));
  for (let crashes = 0; crashes < 3; crashes += 1) {
    disk.crash();
    log = recover(disk);
    deepEqual(contentsOf(log.recovered), {
      state: [42],
      base: 95,
      entries: [96, 97, 98, 99, 100].map((index) => describeEntry(entryAt(index))),
    });
    deepEqual(log.recovered.base, baseAt(95));
  }
});

test("compaction removes nothing before the new base is durable", () => {
  const disk = new MemoryDisk();
  const log = recover(disk);
  for (let index = 1; index <= 60; index += 1) appendNow(disk, log, { entries: [entryAt(index)] });
  disk.inject({ operation: "sync", code: "io" });
  const before = disk.list();
  let outcome: LogError | undefined;
  log.compact(baseAt(59), (error) => {
    outcome = error;
  });
  disk.run();
  equal(outcome?.code, "diskFailed");
  deepEqual(
    disk.list().filter((name) => before.includes(name)),
    before,
  );
});

test("a removal that cannot be made durable is a failure of the disk like any other", () => {
  const disk = new MemoryDisk();
  const log = recover(disk);
  for (let index = 1; index <= 60; index += 1) appendNow(disk, log, { entries: [entryAt(index)] });
  const outcomes: string[] = [];
  const note = (error: LogError | undefined) => outcomes.push(error?.code ?? "ok");
  disk.inject({ operation: "syncDirectory", code: "io" });
  log.compact(baseAt(59), note);
  disk.run();
  log.append({ entries: [entryAt(61)] }, note);
  disk.run();
  deepEqual(outcomes, ["ok", "diskFailed"]);
  equal(log.failure?.code, "diskFailed");
});

test("what recovery removes does not come back with a crash", () => {
  const disk = new MemoryDisk();
  const log = recover(disk);
  for (let index = 1; index <= 60; index += 1) appendNow(disk, log, { entries: [entryAt(index)] });
  log.compact(baseAt(59), (error) => equal(error, undefined));
  while (disk.unsynced().every(({ kind }) => kind !== "remove")) disk.run(1);
  disk.crash({ keep: "none" });
  const before = disk.list().length;
  const { recovered } = recover(disk);
  ok(disk.list().length < before, `${disk.list().length} of ${before} segments`);
  const after = disk.list();
  disk.crash({ keep: "none" });
  deepEqual(disk.list(), after);
  deepEqual(contentsOf(recover(disk).recovered), contentsOf(recovered));
});

test("reset drops every entry, also when older segments come back after a crash", () => {
  const disk = new MemoryDisk();
  const log = recover(disk);
  appendNow(disk, log, { state: Uint8Array.of(3), entries: [] });
  for (let index = 1; index <= 60; index += 1) appendNow(disk, log, { entries: [entryAt(index)] });
  log.reset(baseAt(1000), (error) => equal(error, undefined));
  // The directory is never synced: every removal is undone by the crash.
  while (disk.unsynced().every(({ kind }) => kind !== "remove")) disk.run(1);
  disk.crash({ keep: "none" });
  ok(disk.list().length > 3);
  const again = recover(disk);
  deepEqual(contentsOf(again.recovered), { state: [3], base: 1000, entries: [] });
  appendNow(disk, again, { entries: [entryAt(1001, 4)] });
  again.reset(baseAt(10), (error) => equal(error, undefined));
  appendNow(disk, again, { entries: [entryAt(1001, 4)] });
  ok(disk.list().length <= 2, `segments of dropped entries are removed: ${disk.list()}`);
  equal(recover(disk.clone()).recovered.entries.length, 1);
});

test("vote-in-page-cache: a state is acknowledged only when a crash cannot lose it", () => {
  const disk = new MemoryDisk();
  const log = recover(disk);
  let isAcknowledged = false;
  log.append({ state: Uint8Array.of(5, 1), entries: [] }, () => {
    isAcknowledged = true;
  });
  while (!isAcknowledged) {
    const twin = disk.clone();
    equal(disk.run(1), 1);
    twin.crash({ keep: "none" });
    equal(recover(twin).recovered.state, undefined);
  }
  disk.crash({ keep: "none" });
  deepEqual(recover(disk).recovered.state, Uint8Array.of(5, 1));
});

test("truncate-not-durable-but-vote-is: truncation and vote are one record, whole or not at all", () => {
  const disk = new MemoryDisk();
  const log = recover(disk, { segmentBytes: 8192 });
  appendNow(disk, log, { state: Uint8Array.of(1), entries: [1, 2, 3].map((at) => entryAt(at)) });
  log.append({ truncateFrom: 2, entries: [entryAt(2, 2, 900)], state: Uint8Array.of(2) }, () => {});
  const units = disk.unsynced();
  const seen = new Set<string>();
  for (let subset = 0; subset < 2 ** units.length; subset += 1) {
    const twin = disk.clone();
    let position = 0;
    twin.crash({ keep: () => ((subset >>> position++) & 1) === 1 });
    const { state, entries } = recover(twin, { segmentBytes: 8192 }).recovered;
    seen.add(`${state} ${entries.map((entry) => `${entry.index}/${entry.epoch}`)}`);
  }
  deepEqual([...seen].sort(), ["1 1/1,2/1,3/1", "2 1/1,2/2"]);
});

test("sync-fails-once-then-ok: the first failure is the last, and no retry is made", () => {
  const disk = new MemoryDisk();
  const log = recover(disk);
  appendNow(disk, log, { entries: [entryAt(1)] });
  disk.inject({ operation: "sync", code: "io", times: 1 });
  const outcomes: string[] = [];
  const note = (error: LogError | undefined) => outcomes.push(error?.code ?? "ok");
  for (const index of [2, 3]) log.append({ entries: [entryAt(index)] }, note);
  disk.run();
  const { sync, write } = { ...disk.counts };
  log.append({ entries: [entryAt(4)] }, note);
  log.compact(baseAt(1), note);
  disk.run();
  deepEqual(outcomes, ["diskFailed", "diskFailed", "diskFailed", "diskFailed"]);
  deepEqual([disk.counts.sync, disk.counts.write], [sync, write]);
  ok(log.failure !== undefined);
  equal(log.failure.file, "log-0000000000000001");
  disk.crash({ keep: "none" });
  equal(recover(disk).recovered.entries.length, 1);
});

test("fsync-eio-then-restart: what a failed sync left in the page cache is made durable first", () => {
  const disk = new MemoryDisk();
  const log = recover(disk);
  disk.inject({ operation: "sync", code: "io" });
  log.append({ state: Uint8Array.of(9), entries: [] }, () => {});
  disk.run();
  // The process dies; the machine does not, so the cache still shows the vote.
  disk.killProcess();
  deepEqual(recover(disk).recovered.state, Uint8Array.of(9));
  disk.crash({ keep: "none" });
  deepEqual(recover(disk).recovered.state, Uint8Array.of(9));
});

test("lazy-fsync: a disk that lies loses what it acknowledged, and the suite can see it", () => {
  const disk = new MemoryDisk({ lazySync: true });
  const log = recover(disk);
  appendNow(disk, log, { state: Uint8Array.of(9), entries: [] });
  disk.crash({ keep: "none" });
  deepEqual(disk.list(), []);
});

test("a full disk is told as such, and everything acknowledged before stays", () => {
  const disk = new MemoryDisk();
  const log = recover(disk);
  disk.capacityBytes = 7000;
  const acknowledged: number[] = [];
  let code: string | undefined;
  for (let index = 1; code === undefined && index < 1000; index += 1) {
    log.append({ entries: [entryAt(index, 1, 200)] }, (error) => {
      if (error === undefined) acknowledged.push(index);
      else code = error.code;
    });
    disk.run();
  }
  equal(code, "diskFull");
  ok(acknowledged.length > 15, `${acknowledged.length}: the free space was used`);
  disk.crash({ keep: "all" });
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  const again = recover(disk);
  deepEqual(
    again.recovered.entries.slice(0, acknowledged.length).map((entry) => entry.index),
    acknowledged,
  );
  appendNow(disk, again, { entries: [entryAt(1000)] });
});

test("where there is no room for the next segment, whoever waits for it is told that the disk is full", () => {
  const disk = new MemoryDisk();
  const log = recover(disk, { segmentBytes: 4096 });
  const outcomes: string[] = [];
  const append = (index: number, bytes: number) =>
    log.append({ entries: [entryAt(index, 1, bytes)] }, (error) => {
      outcomes.push(error?.code ?? "ok");
    });
  // Nothing but what the first segment has taken already.
  disk.capacityBytes = 4096;
  append(1, 2500);
  disk.run();
  append(2, 2500);
  disk.run();
  append(3, 100);
  disk.run();
  deepEqual(outcomes, ["ok", "diskFull", "diskFull"]);
});

test("a segment that is full is closed, and so is the last one with the log", () => {
  const disk = new MemoryDisk();
  const open = disk.open.bind(disk);
  let isOpen = 0;
  disk.open = (...args) => {
    const file = open(...args);
    const close = file.close.bind(file);
    isOpen += 1;
    file.close = () => {
      isOpen -= 1;
      close();
    };
    return file;
  };
  const log = recover(disk);
  for (let index = 1; index <= 60; index += 1) appendNow(disk, log, { entries: [entryAt(index)] });
  ok(disk.list().length > 3);
  ok(isOpen <= 2, `${isOpen} files are open: this segment and the next`);
  closeNow(disk, log);
  equal(isOpen, 0);
});

test("every segment takes exactly the room that it is meant to, however much that is", () => {
  const disk = new MemoryDisk();
  const segmentBytes = 700_000;
  const log = recover(disk, { segmentBytes });
  appendNow(disk, log, { entries: [entryAt(1, 1, 500_000)] });
  deepEqual(
    disk.list().map((name) => disk.readAll(name).length),
    [segmentBytes, segmentBytes],
  );
});

test("an unknown format version is refused, not guessed at", () => {
  const disk = new MemoryDisk();
  closeNow(disk, recover(disk));
  const [name] = disk.list();
  const bytes = disk.readAll(name!);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, 2, true);
  const { crc32 } = process.getBuiltinModule("node:zlib");
  view.setUint32(60, crc32(bytes.subarray(0, 60)), true);
  disk.overwrite(name!, bytes);
  throws(
    () => recover(disk),
    (error) => error instanceof LogError && error.code === "formatUnknown" && error.offset === 8,
  );
});

test("close finishes what is under way, then refuses; closing again is harmless", () => {
  const disk = new MemoryDisk();
  const log = recover(disk);
  const calls: string[] = [];
  for (let index = 1; index <= 40; index += 1) {
    log.append({ entries: [entryAt(index)] }, (error) => calls.push(error?.code ?? "ok"));
  }
  log.close(() => calls.push("closed"));
  log.append({ entries: [] }, (error) => calls.push(error?.code ?? "ok"));
  log.close(() => calls.push("closed"));
  disk.run();
  log.close(() => calls.push("closed"));
  deepEqual(calls.toSorted(), [
    ...Array<string>(4).fill("closed"),
    ...Array<string>(40).fill("ok"),
  ]);
  equal(recover(disk).recovered.entries.length, 40);
});

test("a log that exists keeps its own base", () => {
  const disk = new MemoryDisk();
  closeNow(disk, openLog(disk, { base: baseAt(17), segmentBytes: 1024 }));
  deepEqual(recover(disk, { base: emptyBase }).recovered.base, baseAt(17));
});
