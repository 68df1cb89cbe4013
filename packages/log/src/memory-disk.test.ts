// The memory disk keeps the port's contract, and what its crashes keep or lose is what it says.

import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { MemoryDisk } from "./index.ts";
import { testDisk } from "./testing/disk-suite.ts";

testDisk("MemoryDisk", {
  create: () => new MemoryDisk(),
  reopen: (disk) => disk,
  pump: (disk) => {
    (disk as MemoryDisk).run();
  },
});

const noop = () => {};

test("a sync makes durable what was written before the call, and nothing written after", () => {
  const disk = new MemoryDisk();
  const file = disk.open("one", { create: true });
  disk.syncDirectoryNow();
  file.write(0, [Uint8Array.of(1)], noop);
  file.sync(noop);
  file.write(0, [Uint8Array.of(2)], noop);
  disk.run();
  deepEqual(disk.readAll("one"), Uint8Array.of(2));
  disk.crash({ keep: "none" });
  deepEqual(disk.readAll("one"), Uint8Array.of(1));
});

test("a crash keeps any chosen sectors of a write, each whole", () => {
  const disk = new MemoryDisk();
  const file = disk.open("one", { create: true });
  file.writeNow(0, new Uint8Array(1536));
  file.syncNow();
  disk.syncDirectoryNow();
  file.write(500, [new Uint8Array(600).fill(7)], noop);
  disk.crash({ keep: (unit) => unit.kind === "sector" && unit.offset === 512 });
  const bytes = disk.readAll("one");
  deepEqual([bytes[500], bytes[511], bytes[512], bytes[1023], bytes[1024]], [0, 0, 7, 7, 0]);
});

test("names are durable only with the directory", () => {
  const disk = new MemoryDisk();
  disk.open("kept", { create: true }).syncNow();
  disk.syncDirectoryNow();
  disk.open("lost", { create: true }).syncNow();
  disk.rename("kept", "renamed");
  const twin = disk.clone();
  twin.crash({ keep: "none" });
  deepEqual(twin.list(), ["kept"]);
  disk.crash({ keep: (unit) => unit.kind === "rename" });
  deepEqual(disk.list(), ["renamed"]);
});

test("after a failed sync a later one does not make the same write durable", () => {
  const disk = new MemoryDisk();
  const file = disk.open("one", { create: true });
  disk.syncDirectoryNow();
  file.write(0, [Uint8Array.of(1)], noop);
  disk.inject({ operation: "sync", code: "io" });
  const codes: (string | undefined)[] = [];
  file.sync((error) => codes.push(error?.code));
  disk.run();
  file.sync((error) => codes.push(error?.code));
  disk.run();
  deepEqual(codes, ["io", undefined]);
  const twin = disk.clone();
  twin.crash({ keep: "none" });
  deepEqual(twin.readAll("one"), new Uint8Array(0));
  disk.crash({ keep: "all" });
  deepEqual(disk.readAll("one"), Uint8Array.of(1), "the disk may have had it all the same");
});

test("a crash drops every callback under way and every open file", () => {
  const disk = new MemoryDisk();
  const file = disk.open("one", { create: true });
  let calls = 0;
  file.write(0, [Uint8Array.of(1)], () => {
    calls += 1;
  });
  disk.crash({ keep: "all" });
  disk.run();
  equal(calls, 0);
  let message = "";
  try {
    file.sync(noop);
  } catch (error) {
    message = String(error);
  }
  equal(message, "DiskError: one is not open any more");
});
