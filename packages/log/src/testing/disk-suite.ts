// What every `Disk` has to do, real, virtual or in memory: one suite for all. Durability itself can
// only be tested where a crash can be made; this holds the rest of the port's contract.

import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { type Disk, type DiskDone, DiskError, openLog } from "../index.ts";
import { emptyBase, entryAt } from "./log-harness.ts";

export interface DiskUnderTest {
  /** A new, empty disk. */
  create(): Disk;
  /** The same files, opened anew. */
  reopen(disk: Disk): Disk;
  /** Lets what is under way go on; called until the awaited callback came. */
  pump(disk: Disk): void | Promise<void>;
}

export function testDisk(name: string, subject: DiskUnderTest): void {
  /** Starts an operation and waits for its callback. */
  const settled = async (disk: Disk, start: (done: DiskDone) => void) => {
    let outcome: { error: DiskError | undefined } | undefined;
    start((error) => {
      outcome = { error };
    });
    while (outcome === undefined) await subject.pump(disk);
    equal(outcome.error, undefined);
  };
  const textOf = (bytes: Uint8Array) => String.fromCharCode(...bytes);
  const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

  test(`${name}: writes parts one after the other, and zeros fill what was skipped`, async () => {
    const disk = subject.create();
    const file = disk.open("one", { create: true });
    await settled(disk, (done) => file.write(4, [bytesOf("ab"), bytesOf("cde")], done));
    await settled(disk, (done) => file.sync(done));
    await settled(disk, (done) => disk.syncDirectory(done));
    equal(file.size(), 9);
    file.close();
    equal(textOf(subject.reopen(disk).readAll("one")), "\0\0\0\0abcde");
  });

  test(`${name}: overwrites in place and keeps the rest`, async () => {
    const disk = subject.create();
    const file = disk.open("one", { create: true });
    file.writeNow(0, bytesOf("0123456789"));
    file.syncNow();
    await settled(disk, (done) => file.write(3, [bytesOf("xy")], done));
    file.close();
    equal(textOf(disk.readAll("one")), "012xy56789");
    const again = disk.open("one", { create: true });
    equal(again.size(), 10);
    again.truncateNow(4);
    equal(textOf(disk.readAll("one")), "012x");
    again.truncateNow(6);
    equal(textOf(disk.readAll("one")), "012x\0\0");
    again.close();
  });

  test(`${name}: a large write of many parts arrives whole`, async () => {
    const disk = subject.create();
    const file = disk.open("large", { create: true });
    const parts = Array.from({ length: 40 }, (_, at) => new Uint8Array(9000).fill(at + 1));
    await settled(disk, (done) => file.write(100, parts, done));
    await settled(disk, (done) => file.sync(done));
    file.close();
    const found = disk.readAll("large").subarray(100);
    deepEqual(
      parts.map((_, at) => found[at * 9000 + 8999]),
      parts.map((part) => part[0]),
    );
    equal(found.length, 360_000);
  });

  test(`${name}: reads a range, and less of it at the end of the file`, async () => {
    const disk = subject.create();
    const file = disk.open("one", { create: true });
    file.writeNow(0, bytesOf("0123456789"));
    const read = async (offset: number, length: number) => {
      let found: Uint8Array = new Uint8Array(0);
      await settled(disk, (done) =>
        file.read(offset, length, (error, bytes) => {
          found = bytes;
          done(error);
        }),
      );
      return textOf(found);
    };
    deepEqual([await read(2, 3), await read(8, 9), await read(20, 4)], ["234", "89", ""]);
    file.close();
  });

  test(`${name}: lists sorted; rename replaces; remove removes`, async () => {
    const disk = subject.create();
    for (const one of ["b", "a", "c"]) {
      const file = disk.open(one, { create: true });
      file.writeNow(0, bytesOf(one));
      file.syncNow();
      file.close();
    }
    deepEqual(disk.list(), ["a", "b", "c"]);
    disk.rename("a", "c");
    disk.remove("b");
    disk.syncDirectoryNow();
    deepEqual(subject.reopen(disk).list(), ["c"]);
    equal(textOf(disk.readAll("c")), "a");
  });

  test(`${name}: a file that is not there is "notFound"`, () => {
    const disk = subject.create();
    const isNotFound = (error: unknown) =>
      error instanceof DiskError && error.code === "notFound" && error.file === "none";
    throws(() => disk.open("none"), isNotFound);
    throws(() => disk.readAll("none"), isNotFound);
    throws(() => disk.remove("none"), isNotFound);
    throws(() => disk.rename("none", "other"), isNotFound);
  });

  test(`${name}: a file may be closed while its sync is under way`, async () => {
    const disk = subject.create();
    const file = disk.open("one", { create: true });
    file.writeNow(0, bytesOf("x"));
    await settled(disk, (done) => {
      file.sync(done);
      file.close();
      file.close();
    });
  });

  test(`${name}: a log over it rotates, compacts, closes and opens again`, async () => {
    const disk = subject.create();
    const options = { base: emptyBase, segmentBytes: 8192 };
    const log = openLog(disk, options);
    for (let index = 1; index <= 200; index += 1) {
      const append = (done: DiskDone) =>
        log.append({ entries: [entryAt(index, 1, 300)] }, (error) => {
          equal(error, undefined);
          done(undefined);
        });
      if (index % 10 === 0) await settled(disk, append);
      else append(() => {});
    }
    await settled(disk, (done) => log.compact({ ...emptyBase, index: 150 }, () => done(undefined)));
    await settled(disk, (done) => log.close(() => done(undefined)));
    const again = openLog(subject.reopen(disk), options);
    deepEqual(
      again.recovered.entries.map((entry) => entry.index),
      Array.from({ length: 50 }, (_, at) => at + 151),
    );
    await settled(disk, (done) => again.close(() => done(undefined)));
  });
}
