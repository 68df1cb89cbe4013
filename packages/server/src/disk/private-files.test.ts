import assert from "node:assert/strict";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openStore } from "@althing/store";
import { openDiskEngine } from "@althing/store/disk";
import { openDataDirectory } from "./data-directory.ts";

const root = mkdtempSync(join(tmpdir(), "althing-private-"));
after(() => rmSync(root, { recursive: true }));
const options = { skip: process.platform === "win32" && "it has no such bits" };

/** By path, what others than its user may do with it. */
function openTo(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => (lstatSync(path).mode & 0o077) !== 0);
}

/** As a member does, so that everything that it makes is there. */
async function live(path: string): Promise<readonly string[]> {
  const directory = openDataDirectory(path);
  directory.writeIdentity({ member: "a" });
  const file = directory.disk.open("segment", { create: true });
  file.close();
  const store = openStore({ engine: openDiskEngine({ directory: directory.storePath }) });
  store.applyNothing({ index: store.appliedIndex + 1, epoch: 1, proposer: "", leaderTimeMs: 0 });
  await new Promise<void>((done) => store.flush(() => done()));
  await new Promise<void>((done) => store.close(done));
  directory.close();
  return directory.warnings;
}

test("nobody else can read what a member writes, whatever the umask is", options, async () => {
  const before = process.umask(0o000);
  try {
    const path = join(root, "new");
    assert.deepEqual(await live(path), []);
    assert.equal(lstatSync(path).mode & 0o777, 0o700);
    assert.deepEqual(openTo(path), []);
    assert.deepEqual(await live(path), []);
    assert.deepEqual(openTo(path), []);
  } finally {
    process.umask(before);
  }
});

test(
  "a directory that others may look into is told of, and what is in it is closed",
  options,
  async () => {
    const path = join(root, "open");
    mkdirSync(path);
    chmodSync(path, 0o755);
    const [warning, ...others] = await live(path);
    assert.match(String(warning), /open \(mode 0755\): chmod 700 it$/);
    assert.deepEqual(others, []);
    // As earlier versions left it.
    for (const name of readdirSync(path, { recursive: true, withFileTypes: true })) {
      chmodSync(join(name.parentPath, name.name), name.isDirectory() ? 0o755 : 0o644);
    }
    const elsewhere = join(root, "elsewhere");
    writeFileSync(elsewhere, "");
    chmodSync(elsewhere, 0o644);
    symlinkSync(elsewhere, join(path, "log", "link"));
    assert.equal((await live(path)).length, 1);
    assert.deepEqual(openTo(path), [join(path, "log", "link")]);
    assert.equal(lstatSync(elsewhere).mode & 0o777, 0o644);
    assert.equal(lstatSync(path).mode & 0o777, 0o755);
    chmodSync(path, 0o700);
    assert.deepEqual(await live(path), []);
  },
);
