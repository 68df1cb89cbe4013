// The real disk keeps the same contract as its memory twin, with writes in place and in the pool,
// and maps the system's errors to the port's codes.

import { deepEqual, equal } from "node:assert/strict";
import { existsSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Disk } from "@althing/log";
import { testDisk } from "../../../log/src/testing/disk-suite.ts";
import { openNodeDisk, toDiskError } from "./node-disk.ts";

const root = mkdtempSync(join(tmpdir(), "althing-disk-"));
after(() => rmSync(root, { recursive: true }));

for (const inPlaceBytesMax of [undefined, 0]) {
  const directories = new Map<Disk, string>();
  const options = inPlaceBytesMax === undefined ? {} : { inPlaceBytesMax };
  testDisk(`NodeDisk, in place up to ${inPlaceBytesMax ?? "the default"}`, {
    create: () => {
      const directory = mkdtempSync(join(root, "disk-"));
      const disk = openNodeDisk(directory, options);
      directories.set(disk, directory);
      return disk;
    },
    reopen: (disk) => openNodeDisk(directories.get(disk)!, options),
    pump: () => setImmediate(),
  });
}

test("a device without space reports full", { skip: skipWithoutFullDevice() }, () => {
  let code = "none";
  try {
    writeSync(openSync("/dev/full", "w"), "x");
  } catch (error) {
    ({ code } = toDiskError("full", error));
  }
  equal(code, "full");
});

test("system errors become codes, and unknown ones are io", () => {
  const codeOf = (code: string) => toDiskError("f", Object.assign(new Error(code), { code })).code;
  deepEqual(["ENOSPC", "EDQUOT", "ENOENT", "EACCES", "EROFS", "EIO", "E?"].map(codeOf), [
    "full",
    "full",
    "notFound",
    "denied",
    "denied",
    "io",
    "io",
  ]);
});

function skipWithoutFullDevice(): string | false {
  return existsSync("/dev/full") ? false : "this system has no /dev/full";
}
