// Whom a member has met survives its restart, and what does not verify is not believed.

import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { MemoryDisk } from "@althing/log";
import { Acquaintances } from "./acquaintances.ts";

test("who was met is known after a power loss", () => {
  const disk = new MemoryDisk();
  const before = new Acquaintances(disk);
  equal(before.of("m1"), undefined);
  equal(before.remember("m1", "first"), true);
  equal(before.remember("m2", "other"), true);
  disk.crash({ keep: () => false });
  const after = new Acquaintances(disk);
  deepEqual([after.of("m1"), after.of("m2"), after.of("m3")], ["first", "other", undefined]);
  equal(after.wasUnreadable, false);
});

test("who left is met anew", () => {
  const disk = new MemoryDisk();
  const acquaintances = new Acquaintances(disk);
  acquaintances.remember("m1", "first");
  acquaintances.remember("m2", "other");
  acquaintances.forgetOthers((peer) => peer === "m2");
  equal(acquaintances.of("m1"), undefined);
  deepEqual(
    [new Acquaintances(disk).of("m1"), new Acquaintances(disk).of("m2")],
    [undefined, "other"],
  );
});

test("a note that does not verify is not believed", () => {
  const disk = new MemoryDisk();
  new Acquaintances(disk).remember("m1", "first");
  const size = disk.readAll("acquaintances").length;
  for (let byte = 0; byte < size; byte++) {
    disk.flipBit("acquaintances", byte * 8);
    const found = new Acquaintances(disk);
    equal(found.wasUnreadable, true, `byte ${byte}`);
    equal(found.of("m1"), undefined);
    disk.flipBit("acquaintances", byte * 8);
  }
});

test("a peer whose disk cannot be noted is not known", () => {
  const disk = new MemoryDisk();
  const acquaintances = new Acquaintances(disk);
  disk.capacityBytes = 0;
  equal(acquaintances.remember("m1", "first"), false);
  equal(acquaintances.of("m1"), undefined);
});
